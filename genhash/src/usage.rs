// SPDX-License-Identifier: MIT OR Apache-2.0
//! What `genhash` says about itself: the help, and genhash(1) made from it.

pub const USAGE: &str = "\
usage: genhash -s ADDRESS -p PORT -u PATH [OPTION...]
  -s, --server ADDRESS          the server
  -p, --port PORT
  -u, --url PATH
  -S, --use-ssl                 over TLS
  -I, --use-sni                 name the host of -V while TLS is set up
  -V, --use-virtualhost NAME    the Host header
  -P, --protocol 1.0|1.0c|1.1   1.0c is 1.0 with `Connection: close`
  -t, --timeout SECONDS         for everything together
  -m, --fwmark MARK
      --sha256                  SHA-256, as `digest sha256:...` of Steadfast wants it
      --lines                   print the lines for the configuration
  -v, --verbose
  -h, --help
";

const HEAD: &str = r#".TH GENHASH 1 "" "Steadfast" "User commands"
.SH NAME
genhash \- the digest of a page, for HTTP_GET in keepalived.conf
.SH SYNOPSIS
.B genhash
\-s
.I ADDRESS
\-p
.I PORT
\-u
.I PATH
[\fIOPTION\fR...]
.SH DESCRIPTION
Asks a server for a page just as the check
.B HTTP_GET
does, and prints the digest of its body, to be written behind
.B digest
in
.BR keepalived.conf (5).
.SH OPTIONS
"#;

const TAIL: &str = r#".SH EXIT STATUS
0 when the command line is understood, whatever the network says, as with keepalived; 1 otherwise.
.SH SEE ALSO
.BR keepalived.conf (5),
.BR steadfast (8)
"#;

/// genhash(1).
pub fn page() -> String {
    let mut text = HEAD.to_owned();
    for line in USAGE.lines().skip(1) {
        let line = line.trim();
        let (option, meaning) = line.split_once("  ").unwrap_or((line, ""));
        text.push_str(&format!(".TP\n.B {}\n{}\n", escape(option), escape(meaning.trim())));
    }
    text.push_str(TAIL);
    text
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\e").replace('-', "\\-").replace('`', "\\(ga")
}
