use keepalived_conf::blocks::lvs::*;
fn main(){
 use std::mem::size_of as s;
 println!("RS {} HTTP {} TCP {} URL {} Conn {} Timing {} Defaults {} Seen {} VS {} IpSet {} durset {}", s::<real_server::RealServer>(), s::<check_http::HttpCheck>(), s::<check_tcp::TcpCheck>(), s::<url::Url>(), s::<check::Connection>(), s::<check::Timing>(), s::<defaults::Defaults>(), s::<keepalived_conf::schema::Seen>(), s::<virtual_server::VirtualServer>(), s::<keepalived_conf::schema::Setting<std::net::IpAddr>>(), s::<keepalived_conf::schema::Setting<std::time::Duration>>());
 println!("{} {} {}", s::<Option<url::Digest>>(), s::<url::StatusCodes>(), s::<keepalived_conf::schema::Setting<Option<shared::Shared<str>>>>());
}
