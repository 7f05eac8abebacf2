//! `gotrace view`: a trace, profiles and logs in a browser.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::failure::Failure;
#[cfg(feature = "web")]
use crate::serve::{Server, Session};
use crate::terminal::Terminal;

/// Show a trace in a browser: what each P and goroutine did over time, who woke whom, and where time went.
///
/// Give profiles, goroutine dumps and a GC log of the same run too, or a folder with all of them: the page shows them,
/// and whether the program leaks, as gotrace diagnose does. Each file is recognised by its content. Of several traces,
/// the first is shown.
///
/// The page is served by this program to browsers on this machine. Press Ctrl-C to end it.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  gotrace view trace.out
  gotrace view trace.out heap.*.pb.gz gctrace.log
  gotrace view trace.out --no-open --listen 127.0.0.1:4040
  ssh -L 4040:127.0.0.1:4040 HOST gotrace view trace.out --no-open --listen 127.0.0.1:4040")]
pub struct Args {
    /// Print the address and do not open a browser
    #[arg(long)]
    no_open: bool,
    /// The address of this machine to listen on; port 0 means any free port
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0", value_parser = parse_address)]
    listen: SocketAddr,
    /// A folder, or any traces, profiles, GC logs and goroutine dumps; - for standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

fn parse_address(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = match text.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}").parse(),
        None => text.parse(),
    }
    .map_err(|_| "give an address and a port, such as 127.0.0.1:4040".to_owned())?;
    match address.ip().is_loopback() {
        true => Ok(address),
        false => {
            Err(format!("{} can be reached from other machines: listen on 127.0.0.1 and use ssh -L", address.ip()))
        }
    }
}

#[cfg(not(feature = "web"))]
pub fn run(_: &Args, _: &mut Terminal) -> Result<(), Failure> {
    let text = "view needs the feature web: install gotrace with --features full";
    Err(Failure::Usage(text.to_owned()))
}

#[cfg(feature = "web")]
pub fn run(args: &Args, terminal: &mut Terminal) -> Result<(), Failure> {
    use std::io::Write;
    use std::sync::Arc;

    let (session, opened) = Session::open(&args.files)?;
    let unusable = |error| Failure::Usage(format!("cannot listen on {}: {error}", args.listen));
    let server = Server::bind(args.listen).map_err(unusable)?;
    writeln!(terminal, "{}", server.url())?;
    terminal.flush()?;
    if !args.no_open {
        open_browser(&server);
    }
    let session = Arc::new(session);
    let loading = Arc::clone(&session);
    std::thread::spawn(move || loading.load(opened));
    server.run(session).map_err(unusable)
}

/// Opens the page in a browser. The address is printed too, so failure is not an error.
#[cfg(feature = "web")]
fn open_browser(server: &Server) {
    let opened = server.url_for_browser().map(|url| webbrowser::open(&url));
    if !matches!(opened, Ok(Ok(()))) {
        crate::failure::note("view", "no browser can be opened here: open the address above");
    }
}
