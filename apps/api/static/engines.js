// Two ways to look at a picture, with the same answer: {faces: [{box, probabilities}], ms}.

const WAIT = 20000;

// Sends each picture to the server, as JPEG over a WebSocket, and waits for the answer.
export class ServerEngine {
  constructor() {
    this.sockets = {};
  }

  async look(canvas, careful) {
    const jpeg = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.85));
    if (!jpeg) throw new Error("The browser could not pack the picture.");
    const socket = await this.connected(careful);
    const answer = await new Promise((done, fail) => {
      const timer = setTimeout(() => {
        socket.close();
        fail(new Error("The server does not answer."));
      }, WAIT);
      socket.onmessage = ({ data }) => {
        clearTimeout(timer);
        done(JSON.parse(data));
      };
      socket.onclose = ({ reason }) => {
        clearTimeout(timer);
        fail(new Error(reason ? `The server says: ${reason}.` : "The connection to the server broke."));
      };
      socket.send(jpeg);
    });
    if (answer.error) throw new Error(answer.error);
    return answer;
  }

  connected(careful) {
    const old = this.sockets[careful];
    if (old && old.readyState === WebSocket.OPEN) return old;
    return new Promise((done, fail) => {
      const address = new URL(`/live/frames${careful ? "?photo=true" : ""}`, location.href);
      address.protocol = address.protocol.replace("http", "ws");
      const socket = new WebSocket(address);
      socket.onopen = () => done((this.sockets[careful] = socket));
      socket.onclose = () => fail(new Error("There is no connection to the server."));
    });
  }

  close() {
    Object.values(this.sockets).forEach((socket) => socket.close());
    this.sockets = {};
  }
}

// Hands each picture to a worker of this page, in which ONNX Runtime Web runs the model.
export class BrowserEngine {
  static possible() {
    return typeof WebAssembly === "object" && typeof Worker === "function";
  }

  constructor() {
    this.waiting = new Map();
    this.number = 0;
    this.worker = new Worker("/live/static/worker.js", { type: "module" });
    this.ready = new Promise((done, fail) => {
      this.worker.onerror = () => fail(new Error("The browser could not start the model."));
      this.worker.onmessage = ({ data }) => {
        if (data.ready) done();
        else if (data.failed) fail(new Error(`The browser could not load the model: ${data.failed}.`));
        else this.answer(data);
      };
    });
    this.ready.catch(() => {}); // it is told to whoever looks first
  }

  answer({ id, error, ...found }) {
    const { done, fail } = this.waiting.get(id);
    this.waiting.delete(id);
    if (error) fail(new Error(error));
    else done(found);
  }

  async look(canvas, careful) {
    await this.ready;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    const { width, height, data } = context.getImageData(0, 0, canvas.width, canvas.height);
    const id = ++this.number;
    return new Promise((done, fail) => {
      this.waiting.set(id, { done, fail });
      this.worker.postMessage({ id, image: { width, height, data }, careful }, [data.buffer]);
    });
  }

  close() {
    this.worker.terminate();
    this.waiting.forEach(({ fail }) => fail(new Error("The model was stopped.")));
    this.waiting.clear();
  }
}
