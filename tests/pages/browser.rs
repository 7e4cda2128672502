use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Authority, Client, send, with_json};

/// How long something may take to appear on a page.
const PATIENCE: Duration = Duration::from_secs(20);
/// The key that names an element in WebDriver.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
pub const TAB: &str = "\u{e004}";
pub const ENTER: &str = "\u{e007}";

/// A headless Chromium, driven through chromedriver. It must be finished, which proves that nothing went wrong unseen.
pub struct Browser {
    driver: Child,
    http: Client,
    session: String,
    base: String,
}

impl Browser {
    /// Starts a browser with a window of this width, in this language, for the pages at `base`.
    pub async fn start(base: &str, width: u32, lang: &str) -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver (Debian's chromium-driver) is installed");
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = loop {
            let line = lines.next().expect("chromedriver says its port").unwrap();
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                break port.trim_end_matches('.').parse::<u16>().unwrap();
            }
        };
        // Its output has to be read on, or it stops when the pipe is full.
        std::thread::spawn(move || lines.for_each(drop));
        let http = Client::new(&format!("http://127.0.0.1:{port}"), &Authority::new("unused"), None);
        let capabilities = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "acceptInsecureCerts": true,
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
            "goog:chromeOptions": {
                "binary": "/usr/bin/chromium",
                "args": [
                    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic",
                    "--no-first-run", "--disable-background-networking", "--disable-component-update",
                    // A click waits for no page that is still scrolling.
                    "--disable-sync", "--force-prefers-reduced-motion", format!("--accept-lang={lang}"),
                ],
                "prefs": {"intl.accept_languages": lang},
                "mobileEmulation": {"deviceMetrics": {"width": width, "height": 800, "pixelRatio": 1, "touch": false}},
            },
        }}});
        let answer = send(with_json(http.request(Method::POST, "/session"), &capabilities)).await;
        let session = answer.json()["value"]["sessionId"]
            .as_str()
            .unwrap_or_else(|| panic!("{}", answer.text()))
            .to_owned();
        Self {
            driver,
            http,
            session,
            base: base.to_owned(),
        }
    }

    async fn command(&self, path: &str, body: &Value) -> Value {
        let path = format!("/session/{}{path}", self.session);
        let answer = send(with_json(self.http.request(Method::POST, &path), body)).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.text());
        answer.json()["value"].take()
    }

    pub async fn open(&self, path: &str) {
        self.command("/url", &json!({"url": format!("{}{path}", self.base)}))
            .await;
    }

    /// Runs a script in the page.
    pub async fn run(&self, script: &str) -> Value {
        self.command("/execute/sync", &json!({"script": script, "args": []}))
            .await
    }

    /// Waits until an expression is true in the page.
    #[track_caller]
    pub fn wait_for(&self, expression: &str) -> impl Future<Output = ()> {
        let place = std::panic::Location::caller();
        async move {
            let begun = Instant::now();
            while self.run(&format!("return Boolean({expression})")).await != json!(true) {
                if begun.elapsed() > PATIENCE {
                    let text = self.text("body").await;
                    panic!("{place}: never came true: {expression}\n{text}");
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }

    /// The text of the first element that a selector finds; empty where there is none.
    pub async fn text(&self, selector: &str) -> String {
        let script = format!("return document.querySelector({})?.innerText ?? ''", json!(selector));
        self.run(&script).await.as_str().unwrap().to_owned()
    }

    /// The path, query and fragment of the address.
    pub async fn address(&self) -> String {
        let address = self
            .run("return location.pathname + location.search + location.hash")
            .await;
        address.as_str().unwrap().to_owned()
    }

    async fn element(&self, selector: &str) -> String {
        let found = self
            .command("/element", &json!({"using": "css selector", "value": selector}))
            .await;
        found[ELEMENT].as_str().unwrap().to_owned()
    }

    pub async fn click(&self, selector: &str) {
        let element = self.element(selector).await;
        self.command(&format!("/element/{element}/click"), &json!({})).await;
    }

    /// Types into an element; for a file input, the file's path.
    pub async fn type_into(&self, selector: &str, text: &str) {
        let element = self.element(selector).await;
        self.command(&format!("/element/{element}/value"), &json!({"text": text}))
            .await;
    }

    /// Presses keys wherever the focus is.
    pub async fn press(&self, keys: &str) {
        let actions: Vec<Value> = keys
            .chars()
            .flat_map(|key| {
                let down = json!({"type": "keyDown", "value": key});
                [down, json!({"type": "keyUp", "value": key})]
            })
            .collect();
        self.command(
            "/actions",
            &json!({"actions": [{"type": "key", "id": "keyboard", "actions": actions}]}),
        )
        .await;
    }

    /// Presses Tab until the focus is on an element that the selector finds.
    pub async fn tab_to(&self, selector: &str) {
        for _ in 0..60 {
            self.press(TAB).await;
            let script = format!("return document.activeElement.matches({})", json!(selector));
            if self.run(&script).await == json!(true) {
                return;
            }
        }
        panic!("`{selector}` cannot be reached with Tab");
    }

    /// Lets pages read the clipboard, so that a test can see what was copied.
    pub async fn allow_clipboard(&self) {
        let permissions = json!({"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]});
        self.devtools("Browser.grantPermissions", &permissions).await;
    }

    /// Sends no faster than so many bytes a second, as a phone at the edge of its net does.
    pub async fn slow_down(&self, bytes_per_second: u32) {
        let conditions =
            json!({"offline": false, "latency": 20, "downloadThroughput": -1, "uploadThroughput": bytes_per_second});
        self.devtools("Network.enable", &json!({})).await;
        self.devtools("Network.emulateNetworkConditions", &conditions).await;
    }

    async fn devtools(&self, command: &str, parameters: &Value) {
        let body = json!({"cmd": command, "params": parameters});
        self.command("/goog/cdp/execute", &body).await;
    }

    pub async fn clipboard(&self) -> String {
        let script = "navigator.clipboard.readText().then(arguments[0], (e) => arguments[0](String(e)))";
        let body = json!({"script": script, "args": []});
        self.command("/execute/async", &body).await.as_str().unwrap().to_owned()
    }

    /// Proves that no page said anything on the console (a CSP violation does) and asked no other host for anything,
    /// and ends the browser. Refusals that a test provokes are no faults.
    pub async fn finish(self) {
        let console = self.command("/se/log", &json!({"type": "browser"})).await;
        for entry in console.as_array().unwrap() {
            let message = entry["message"].as_str().unwrap();
            assert!(
                message.contains("Failed to load resource: the server responded with a status of 4"),
                "{message}"
            );
        }
        let mut asked = 0;
        let log = self.command("/se/log", &json!({"type": "performance"})).await;
        for entry in log.as_array().unwrap() {
            let event: Value = serde_json::from_str(entry["message"].as_str().unwrap()).unwrap();
            if event["message"]["method"] == "Network.requestWillBeSent" {
                let url = event["message"]["params"]["request"]["url"].as_str().unwrap();
                let bases = [
                    format!("{}/", self.base),
                    format!("blob:{}/", self.base),
                    "data:".to_owned(),
                ];
                let is_ours = bases.iter().any(|base| url.starts_with(base));
                assert!(is_ours, "a page asked for {url}");
                asked += 1;
            }
        }
        assert!(asked > 0, "the browser's log of requests is empty");
        let path = format!("/session/{}", self.session);
        send(self.http.request(Method::DELETE, &path)).await;
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Asks the driver to end the browser; a killed driver leaves it behind.
        let _ = Command::new("kill").arg(self.driver.id().to_string()).status();
        let _ = self.driver.wait();
    }
}
