//! parse_user_agent tells the browser, the system and the kind of device from
//! the User-Agent header of a request, as far as it gives them away.

use tidemark_plugin::*;

/// Names of clients, and what stands before their version. The first that is
/// found counts: browsers name those that they descend from behind themselves.
const CLIENTS: &[(&str, &str)] = &[
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("Edg/", "Edge"),
    ("Edge/", "Edge"),
    ("OPR/", "Opera"),
    ("OPiOS/", "Opera"),
    ("Vivaldi/", "Vivaldi"),
    ("YaBrowser/", "Yandex"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("UCBrowser/", "UC Browser"),
    ("DuckDuckGo/", "DuckDuckGo"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("HeadlessChrome/", "Headless Chrome"),
    ("Chrome/", "Chrome"),
    ("MSIE ", "Internet Explorer"),
    ("rv:11", "Internet Explorer"),
    ("curl/", "curl"),
    ("Wget/", "Wget"),
    ("python-requests/", "python-requests"),
    ("aiohttp/", "aiohttp"),
    ("Go-http-client/", "Go"),
    ("okhttp/", "okhttp"),
    ("axios/", "axios"),
    ("node-fetch/", "node-fetch"),
    ("Apache-HttpClient/", "Apache HttpClient"),
    ("Java/", "Java"),
    ("PostmanRuntime/", "Postman"),
    ("kube-probe/", "Kubernetes probe"),
    ("ELB-HealthChecker/", "ELB health check"),
    ("Prometheus/", "Prometheus"),
];

const BOTS: &[&str] = &["bot", "crawler", "spider", "slurp", "facebookexternalhit", "mediapartners", "preview"];

fn contains(text: &[u8], word: &str) -> bool {
    find(text, word).is_some()
}

fn find(text: &[u8], word: &str) -> Option<usize> {
    text.windows(word.len()).position(|w| w == word.as_bytes())
}

fn contains_any_case(text: &[u8], word: &str) -> bool {
    text.windows(word.len()).any(|w| w.eq_ignore_ascii_case(word.as_bytes()))
}

/// The version at a place: digits, and dots between them.
fn version(text: &[u8], at: usize) -> &str {
    let mut end = at;
    while end < text.len() && (text[end].is_ascii_digit() || text[end] == b'.' || text[end] == b'_') {
        end += 1;
    }
    std::str::from_utf8(&text[at..end]).unwrap_or("").trim_end_matches('.')
}

/// The name of a crawler: the word that says so.
fn bot(text: &[u8]) -> Option<(String, String)> {
    if !BOTS.iter().any(|b| contains_any_case(text, b)) {
        return None;
    }
    let all = String::from_utf8_lossy(text);
    for word in all.split(|c: char| c == ' ' || c == ';' || c == '(' || c == ')' || c == ',') {
        if BOTS.iter().any(|b| contains_any_case(word.as_bytes(), b)) && !word.contains("://") && !word.starts_with('+') {
            let (name, v) = word.split_once('/').unwrap_or((word, ""));
            return Some((name.to_string(), version(v.as_bytes(), 0).to_string()));
        }
    }
    None
}

fn client(text: &[u8]) -> (String, String) {
    for (mark, name) in CLIENTS {
        if *mark == "rv:11" && !contains(text, "Trident/") {
            continue;
        }
        if let Some(at) = find(text, mark) {
            let from = if *mark == "rv:11" { at + 3 } else { at + mark.len() };
            return (name.to_string(), version(text, from).to_string());
        }
    }
    if contains(text, "Safari/") {
        let v = find(text, "Version/").map_or("", |at| version(text, at + 8));
        return ("Safari".to_string(), v.to_string());
    }
    (String::new(), String::new())
}

fn system(text: &[u8]) -> (&'static str, String) {
    let after = |mark: &str| find(text, mark).map_or(String::new(), |at| version(text, at + mark.len()).replace('_', "."));
    if contains(text, "iPhone") || contains(text, "iPad") || contains(text, "iPod") {
        let v = after("CPU OS ");
        return ("iOS", if v.is_empty() { after("iPhone OS ") } else { v });
    }
    for (mark, name) in [("Android", "Android"), ("Windows NT", "Windows"), ("CrOS", "ChromeOS"), ("Mac OS X", "macOS")] {
        if contains(text, mark) {
            return (name, after(&format!("{} ", mark)));
        }
    }
    if contains(text, "Linux") || contains(text, "X11") {
        return ("Linux", String::new());
    }
    ("", String::new())
}

fn device(text: &[u8], is_bot: bool, browser: &str) -> &'static str {
    if is_bot {
        "bot"
    } else if contains(text, "iPad") || contains(text, "Tablet") || contains(text, "Android") && !contains(text, "Mobile") {
        "tablet"
    } else if contains(text, "Mobi") || contains(text, "iPhone") {
        "phone"
    } else if !contains(text, "Mozilla/") && !browser.is_empty() {
        "program"
    } else if system(text).0.is_empty() {
        "unknown"
    } else {
        "computer"
    }
}

/// A text as JSON.
fn quote(to: &mut Vec<u8>, text: &str) {
    to.push(b'"');
    for c in text.chars() {
        match c {
            '"' | '\\' => to.extend_from_slice(&[b'\\', c as u8]),
            c if (c as u32) < 0x20 => to.extend_from_slice(format!("\\u{:04x}", c as u32).as_bytes()),
            c => to.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    to.push(b'"');
}

fn parse(r: &Row, out: &mut Out) -> Result<(), String> {
    let text = r.bytes(0);
    let found = bot(text);
    let is_bot = found.is_some();
    let (browser, browser_version) = found.unwrap_or_else(|| client(text));
    let (os, os_version) = system(text);
    let kind = device(text, is_bot, &browser);
    out.write(0, |to| {
        to.push(b'{');
        let parts = [("browser", browser.as_str()), ("version", &browser_version), ("os", os), ("os_version", &os_version), ("device", kind)];
        for (i, (name, value)) in parts.iter().enumerate() {
            if i > 0 {
                to.push(b',');
            }
            quote(to, name);
            to.push(b':');
            if value.is_empty() {
                to.extend_from_slice(b"null");
            } else {
                quote(to, value);
            }
        }
        to.push(b'}');
    });
    Ok(())
}

plugin!("parse_user_agent", "1.0.0", "", [function("parse_user_agent", "user_agent:utf8", "parts:json", parse)]);
