// SPDX-License-Identifier: MIT OR Apache-2.0
//! An independent reader of our packets: every kind of advert goes into a capture file, and tshark must find the
//! fields we put in, right checksums, and nothing malformed.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::print_stderr)]

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use steadfast::proto::vrrp::WallTime;
use steadfast::proto::vrrp::auth::{
    AntiReplay, AuthState, Authentication, Envelope, HmacKey, HmacMode, HmacPolicy, Keys, Password, seal,
};
use steadfast::proto::vrrp::wire::{
    Addresses, Advert, ChecksumForm, Family, GROUP_V4, Ipv6Header, TRAILER_LEN, Version, internet_checksum,
};

/// Packets begin with the IP header: LINKTYPE_RAW.
const LINKTYPE_RAW: u32 = 101;
const NOW: WallTime = WallTime(Duration::from_secs(1_795_000_000));

/// What tshark prints for one packet.
const FIELDS: &[&str] = &[
    "ip.checksum.status",
    "ip.ttl",
    "ipv6.hlim",
    "ip.dsfield",
    "vrrp.version",
    "vrrp.type",
    "vrrp.virt_rtr_id",
    "vrrp.prio",
    "vrrp.addr_count",
    "vrrp.adver_int",
    "vrrp.short_adver_int",
    "vrrp.checksum.status",
    "vrrp.auth_type",
    "vrrp.auth_string",
    "vrrp.ip_addr",
    "vrrp.ipv6_addr",
    "ah.spi",
    "ah.sequence",
    "_ws.malformed",
    "_ws.expert.severity",
];

struct Case {
    name: String,
    packet: Vec<u8>,
    /// Name and value of every field that matters for this packet.
    expected: Vec<(&'static str, String)>,
}

fn tshark_version() -> Result<String, String> {
    let output = Command::new("tshark").arg("--version").output().map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned();
    if output.status.success() { Ok(text) } else { Err(format!("it ends with {}", output.status)) }
}

fn capture_file(packets: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4, 0x0004_0002, 0, 0, 65_535, LINKTYPE_RAW] {
        file.extend_from_slice(&u32::to_le_bytes(word));
    }
    for (second, packet) in packets.enumerate() {
        let length = u32::try_from(packet.len()).unwrap();
        for word in [u32::try_from(second).unwrap(), 0, length, length] {
            file.extend_from_slice(&word.to_le_bytes());
        }
        file.extend_from_slice(&packet);
    }
    file
}

/// One row per packet, one column per field. `preferences` are tshark's own (`-o`).
fn read_back(file: &Path, preferences: &[&str]) -> Vec<Vec<String>> {
    let mut command = Command::new("tshark");
    command.arg("-n").arg("-r").arg(file).args(["-T", "fields", "-E", "separator=|", "-E", "occurrence=a"]);
    for preference in preferences {
        command.args(["-o", preference]);
    }
    for field in FIELDS {
        command.args(["-e", field]);
    }
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "tshark refuses the capture file: {errors}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| line.split('|').map(str::to_owned).collect()).collect()
}

fn addresses(family: Family, count: u16) -> Addresses {
    let list = (1..=count).map(|number| match family {
        Family::V4 => {
            let [high, low] = number.to_be_bytes();
            IpAddr::V4(Ipv4Addr::new(10, 91, high, low))
        }
        Family::V6 if number == 1 => IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0x91, 1)),
        Family::V6 => IpAddr::V6(Ipv6Addr::new(0xfd91, 0, 0, 0, 0, 0, 0, number)),
    });
    Addresses::collect(family, list).unwrap()
}

fn ends(family: Family, unicast: bool) -> (IpAddr, IpAddr) {
    let (source, destination) = match (family, unicast) {
        (Family::V4, false) => ("10.91.0.1", "224.0.0.18"),
        (Family::V4, true) => ("10.91.0.1", "10.91.0.2"),
        (Family::V6, false) => ("fe80::1", "ff02::12"),
        (Family::V6, true) => ("fd91::1", "fd91::2"),
    };
    (source.parse().unwrap(), destination.parse().unwrap())
}

fn keyed() -> Authentication {
    let keys = Keys::from([(7, HmacKey::new(&[0x42; 32]).unwrap())]);
    Authentication::Keyed(HmacPolicy::new(keys, 7, HmacMode::Enforce, AntiReplay::Time, 5).unwrap())
}

fn packet(advert: &Advert, auth: &Authentication, unicast: bool, form: ChecksumForm) -> Vec<u8> {
    let (source, destination) = ends(advert.family(), unicast);
    let stamp = AuthState::default().stamp(auth, NOW);
    let mut envelope = Envelope::new(source, destination, 77);
    envelope.checksum = form;
    let mut sealed = Vec::new();
    seal(advert, &envelope, auth, stamp, &mut sealed).unwrap();
    let (IpAddr::V6(source), IpAddr::V6(destination)) = (source, destination) else { return sealed };
    let mut whole = Vec::new();
    Ipv6Header::new(source, destination).encode(sealed.len(), &mut whole).unwrap();
    whole.extend(sealed);
    whole
}

fn expected_fields(advert: &Advert, auth: &Authentication) -> Vec<(&'static str, String)> {
    let list = advert.addresses().iter().map(|address| address.to_string()).collect::<Vec<_>>().join(",");
    let mut expected = vec![
        ("vrrp.version", advert.version().number().to_string()),
        ("vrrp.type", "1".to_owned()),
        ("vrrp.virt_rtr_id", advert.vrid().to_string()),
        ("vrrp.prio", advert.priority().to_string()),
        ("vrrp.addr_count", advert.addresses().len().to_string()),
        ("_ws.malformed", String::new()),
    ];
    match advert.version() {
        Version::V2 => expected.push(("vrrp.adver_int", advert.interval().as_secs().to_string())),
        Version::V3 => expected.push(("vrrp.short_adver_int", (advert.interval().as_millis() / 10).to_string())),
    }
    match advert.family() {
        Family::V4 => {
            expected.push(("vrrp.ip_addr", list));
            expected.push(("ip.checksum.status", "1".to_owned()));
            expected.push(("ip.ttl", "255".to_owned()));
            expected.push(("ip.dsfield", "0xc0".to_owned()));
        }
        Family::V6 => {
            expected.push(("vrrp.ipv6_addr", list));
            expected.push(("ipv6.hlim", "255".to_owned()));
        }
    }
    match auth {
        Authentication::None | Authentication::Keyed(_) => {}
        Authentication::Password(_) => expected.push(("vrrp.auth_string", "s3cret".to_owned())),
        Authentication::Header(_) => {
            expected.push(("ah.spi", "0x0a5b0001".to_owned()));
            expected.push(("ah.sequence", "1".to_owned()));
        }
    }
    if advert.version() == Version::V2 {
        expected.push(("vrrp.auth_type", auth.type_number().to_string()));
    }
    expected
}

/// The checksum is right, and tshark has nothing to remark.
fn faultless() -> [(&'static str, String); 2] {
    [("vrrp.checksum.status", "1".to_owned()), ("_ws.expert.severity", String::new())]
}

/// The same IPv4 datagram without its last 28 octets, its header made right again.
fn without_trailer(packet: &[u8]) -> Vec<u8> {
    let mut short = packet[..packet.len() - TRAILER_LEN].to_vec();
    let total = u16::try_from(short.len()).unwrap();
    short[2..4].copy_from_slice(&total.to_be_bytes());
    short[10..12].fill(0);
    let sum = internet_checksum(&[&short[..20]]);
    short[10..12].copy_from_slice(&sum.to_be_bytes());
    short
}

/// Every version, family, kind of authentication and destination, at the ends of the ranges.
fn cases() -> Vec<Case> {
    let password = || Password::new(b"s3cret").unwrap();
    let mut cases = Vec::new();
    for version in [Version::V2, Version::V3] {
        for family in [Family::V4, Family::V6] {
            for auth in [
                Authentication::None,
                Authentication::Password(password()),
                Authentication::Header(password()),
                keyed(),
            ] {
                if auth.clone().in_effect(version, family) != auth {
                    continue;
                }
                for unicast in [false, true] {
                    for (priority, interval, count) in [
                        (100, Duration::from_secs(1), 2),
                        (0, version.interval_unit(), 1),
                        (255, version.interval_max(), 80),
                    ] {
                        let advert = Advert::new(version, 51, priority, interval, addresses(family, count)).unwrap();
                        let name = format!("{version:?} {family:?} {auth:?} unicast {unicast} priority {priority}");
                        let mut expected = expected_fields(&advert, &auth);
                        let packet = packet(&advert, &auth, unicast, ChecksumForm::Standard);
                        if version == Version::V2 && family == Family::V6 {
                            // No RFC has this pair. The kernel sums with a pseudo header, as for all of IPv6, and so do
                            // keepalived's packets; tshark applies the rule of version 2 and calls both wrong.
                        } else if family == Family::V4 && auth.trailer_possible() {
                            // Over IPv4 the trailer stands outside of the advert, but tshark sums to the end.
                            let name = format!("{name}, trailer cut off");
                            let mut expected = expected.clone();
                            expected.extend(faultless());
                            cases.push(Case { name, packet: without_trailer(&packet), expected });
                        } else {
                            expected.extend(faultless());
                        }
                        cases.push(Case { name, packet, expected });
                    }
                }
            }
        }
    }
    let full = Advert::new(Version::V3, 1, 1, Duration::from_secs(1), addresses(Family::V4, 255)).unwrap();
    let packet = packet(&full, &Authentication::None, false, ChecksumForm::Standard);
    let mut expected = expected_fields(&full, &Authentication::None);
    expected.extend(faultless());
    cases.push(Case { name: "255 addresses".to_owned(), packet, expected });
    cases
}

/// A folder of its own that goes away again.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("steadfast-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn column(field: &str) -> usize {
    FIELDS.iter().position(|known| *known == field).unwrap()
}

#[test]
fn tshark_reads_what_we_say() {
    let version = match tshark_version() {
        Ok(version) => version,
        Err(reason) => {
            eprintln!("SKIPPED: tshark cannot be run ({reason}): our packets were read by nobody but ourselves");
            return;
        }
    };
    let folder = Folder::new("wire");
    let file = folder.0.join("adverts.pcap");
    let cases = cases();
    fs::write(&file, capture_file(cases.iter().map(|case| case.packet.clone()))).unwrap();
    let rows = read_back(&file, &["ip.check_checksum:TRUE"]);
    assert_eq!(rows.len(), cases.len(), "{version}");
    let mut wrong = Vec::new();
    for (case, row) in cases.iter().zip(&rows) {
        for (field, value) in &case.expected {
            if row[column(field)].trim_end_matches('\0') != value {
                wrong.push(format!("{}: {field} is {:?}, not {value:?}", case.name, row[column(field)]));
            }
        }
    }
    assert!(wrong.is_empty(), "{version} reads otherwise:\n{}", wrong.join("\n"));
    let kinds: BTreeSet<&String> = rows.iter().map(|row| &row[column("vrrp.version")]).collect();
    assert_eq!(kinds.len(), 2, "both versions were read");
}

#[test]
fn tshark_tells_the_checksum_forms_apart() {
    if let Err(reason) = tshark_version() {
        eprintln!("SKIPPED: tshark cannot be run ({reason}): the checksum forms were judged by nobody but ourselves");
        return;
    }
    let folder = Folder::new("wire-forms");
    let file = folder.0.join("forms.pcap");
    let advert = Advert::new(Version::V3, 51, 100, Duration::from_secs(1), addresses(Family::V4, 2)).unwrap();
    let forms = [ChecksumForm::Standard, ChecksumForm::AsV2, ChecksumForm::Group(GROUP_V4)];
    let packets = forms.map(|form| packet(&advert, &Authentication::None, true, form));
    fs::write(&file, capture_file(packets.into_iter())).unwrap();
    let status = |preference: &str| -> Vec<String> {
        let rows = read_back(&file, &[preference]);
        rows.into_iter().map(|row| row[column("vrrp.checksum.status")].clone()).collect()
    };
    // 1 is good, 0 is bad.
    assert_eq!(status("vrrp.v3_checksum_as_in_v2:FALSE"), ["1", "0", "0"]);
    assert_eq!(status("vrrp.v3_checksum_as_in_v2:TRUE"), ["0", "1", "0"]);
}
