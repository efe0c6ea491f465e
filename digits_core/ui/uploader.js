// Sends a large file by TUS (docs/rest.md), a piece at a time: it can pause, and goes on after whatever broke it.
// The upload belongs to the tab, not to this element: dialogs close and pages change while it is sent.
const PIECE = 8 << 20, LONGEST_WAIT_S = 8, AGAIN = [0, 404, 408, 409, 429, 460];
const tab = (globalThis.digitsUpload ??= { now: null, draw: null });
const base64 = (bytes) => btoa(String.fromCharCode(...bytes));
const encoded = (text) => base64(new TextEncoder().encode(text));
const size = (bytes) => {
  const power = Math.min(4, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  return `${(bytes / 1000 ** power).toPrecision(3)} ${["B", "kB", "MB", "GB", "TB"][power]}`.replace("e+3", "000");
};
const time = (s) => s < 60 ? `${Math.ceil(s)} s` : s < 5400 ? `${Math.round(s / 60)} min` : `${(s / 3600).toFixed(1)} h`;

class Upload {
  constructor(file, { user, key, address }) {
    Object.assign(this, { file, user, key, address, id: "", offset: 0, sent: 0, state: "sending", words: "", turn: 0 });
    this.metadata = `filename ${encoded(file.name)},fingerprint ${encoded(`${file.name}|${file.size}|${file.lastModified}`)}`;
  }

  ask(method, path, headers = {}, body = null) {
    return new Promise((answered, failed) => {
      const request = (this.request = new XMLHttpRequest());
      request.open(method, `${this.address}${path}`);
      const every = { "X-Digits-User": this.user, "Tus-Resumable": "1.0.0", ...headers };
      Object.entries(every).forEach(([name, value]) => request.setRequestHeader(name, value));
      request.upload.onprogress = (event) => body && this.show(this.offset + event.loaded);
      request.onloadend = () => {
        if (request.status >= 200 && request.status < 300) return answered(request);
        let words = `The server answers with status ${request.status}.`;
        try { words = JSON.parse(request.responseText).error.message; } catch { /* it said nothing */ }
        failed(Object.assign(new Error(words), { status: request.status }));
      };
      request.send(body);
    });
  }

  async begin() {
    const mine = (one) => one.metadata === this.metadata && one.length === this.file.size;
    const known = async () => JSON.parse((await this.ask("GET", "")).responseText).find(mine);
    let found = await known();
    if (!found) {
      await this.ask("POST", "", { "Upload-Length": this.file.size, "Upload-Metadata": this.metadata });
      found = await known();
    }
    this.id = found.id;
  }

  async piece() {
    let bytes;
    try {
      bytes = await this.file.slice(this.offset, this.offset + PIECE).arrayBuffer();
    } catch {
      throw Object.assign(new Error("The file cannot be read any more. Choose it again."), { status: 400 });
    }
    const headers = { "Content-Type": "application/offset+octet-stream", "Upload-Offset": this.offset };
    if (globalThis.crypto?.subtle)  // on https and localhost only
      headers["Upload-Checksum"] = `sha256 ${base64(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)))}`;
    const answer = await this.ask("PATCH", `/${this.id}`, headers, bytes);
    this.offset = Number(answer.getResponseHeader("Upload-Offset"));
  }

  async run() {
    const turn = ++this.turn, goesOn = () => turn === this.turn;
    this.state = "sending";
    for (let failures = 0; goesOn();) {
      try {
        if (!this.id) await this.begin();
        this.offset = Number((await this.ask("HEAD", `/${this.id}`)).getResponseHeader("Upload-Offset"));
        this.marks = [];
        for (this.state = "sending"; goesOn() && this.offset < this.file.size; failures = 0) {
          this.show(this.offset);
          await this.piece();
        }
        if (goesOn()) this.end("done");
        return;
      } catch (error) {
        if (!goesOn()) return;
        if (error.status < 500 && !AGAIN.includes(error.status ?? 0)) return this.end("failed", error.message);
        if (error.status === 404) this.id = "";
        this.state = "waiting";
        this.show(this.offset);
        await new Promise((wake) => setTimeout(wake, 1000 * Math.min(LONGEST_WAIT_S, 0.5 * 2 ** failures++)));
      }
    }
  }

  show(sent) {
    const now = performance.now() / 1000, marks = (this.marks ??= []);
    this.sent = sent;
    marks.push([now, sent]);
    while (marks.length > 2 && now - marks[0][0] > 5) marks.shift();
    tab.draw?.();
  }

  end(state, words = "") {
    this.turn++;
    this.request?.abort();
    Object.assign(this, { state, words });
    tab.draw?.();
  }

  about() {
    const [first, last] = [this.marks?.[0], this.marks?.at(-1)];
    const rate = last && last[0] > first[0] ? (last[1] - first[1]) / (last[0] - first[0]) : 0;
    const far = `${Math.floor(100 * this.sent / this.file.size)} % · ${size(this.sent)} of ${size(this.file.size)}`;
    return { sending: rate > 0 ? `${far} · ${size(rate)}/s · ${time((this.file.size - this.sent) / rate)} left` : far,
             paused: `${far} · paused`, waiting: `${far} · the server does not answer; it goes on when it does`,
             failed: this.words, done: `${size(this.file.size)} · all has come` }[this.state];
  }
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const part = (name) => parentElement.querySelector(`.${name}`);
  const button = (name, visible, action) => Object.assign(part(name), { hidden: !visible, onclick: action });
  const tell = (name, value) => setTriggerValue(name, value);

  function draw() {
    const now = tab.now, busy = now && ["sending", "waiting", "paused"].includes(now.state);
    part("now").hidden = !now;
    part("choose").disabled = Boolean(busy);
    if (!now) return;
    part("name").textContent = now.file.name;
    part("about").textContent = now.about();
    part("about").classList.toggle("wrong", now.state === "failed");
    part("bar").value = now.sent / now.file.size;
    button("pause", now.state === "sending" || now.state === "waiting", () => now.end("paused"));
    button("resume", now.state === "paused" || now.state === "failed", () => now.run());
    button("cancel", now.state !== "done", async () => {
      now.end("paused");
      if (now.id) await now.ask("DELETE", `/${now.id}`).catch(() => null);
      tab.now = null;
      draw();
      tell("changed", now.id);
    });
    if (now.state === "done" && !now.told) {
      now.told = true;
      tell("done", now.key === data.key ? now.id : "");
    }
  }

  part("choose").onclick = () => part("file").click();
  part("file").onchange = ({ target }) => {
    if (!target.files[0]?.size) return;
    tab.now = new Upload(target.files[0], data);
    tab.now.run();
    draw();
    target.value = "";
  };
  const begun = data.begun.filter((one) => one.id !== tab.now?.id);
  part("begun").replaceChildren(...begun.map((one) => {
    const line = document.createElement("li"), away = document.createElement("button");
    line.textContent = `${one.name || one.id} · ${size(one.offset)} of ${size(one.length)} are here. ` +
      "Choose the same file again, and it goes on. ";
    Object.assign(away, { textContent: "Delete", onclick: async () => {
      await new Upload(new File([], ""), data).ask("DELETE", `/${one.id}`).catch(() => null);
      tell("changed", one.id);
    } });
    line.append(away);
    return line;
  }));
  tab.draw = draw;
  draw();
  return () => { if (tab.draw === draw) tab.draw = null; };
}
