// Two ways to recognise the faces in a picture, on the server and in the browser. Both answer with
// {faces: [{box, probabilities}], ms}, or throw an Error with a sentence.

const TIMEOUT = 20_000; // milliseconds
const MAX_BYTES = 2_000_000; // as apps.api.frames.MAX_BYTES

// Sends each picture to the server over a WebSocket, and waits for the answer.
export class ServerEngine {
  constructor() {
    this.sockets = {};
    this.last = Promise.resolve();
  }

  // Sends one picture after the other, because an answer does not say to which picture it belongs.
  async recognise(canvas, isPhoto) {
    const content = await (isPhoto ? encodedPhoto(canvas) : encoded(canvas, "image/jpeg", 0.85));
    const answer = this.last.then(() => this.send(content, isPhoto));
    this.last = answer.catch(() => {});
    return answer;
  }

  async send(content, isPhoto) {
    const socket = await this.connect(isPhoto);
    const answer = await new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        socket.close();
        reject(new Error(`The server did not answer for ${TIMEOUT / 1000} seconds.`));
      }, TIMEOUT);
      socket.onmessage = ({ data }) => {
        clearTimeout(timer);
        resolve(JSON.parse(data));
      };
      socket.onclose = ({ reason }) => {
        clearTimeout(timer);
        reject(new Error(
          reason ? `The server closed the connection: ${reason}.` : "The connection to the server was lost."));
      };
      socket.send(content);
    });
    if (answer.error) throw new Error(answer.error);
    return answer;
  }

  connect(isPhoto) {
    const open = this.sockets[isPhoto];
    if (open && open.readyState === WebSocket.OPEN) return open;
    return new Promise((resolve, reject) => {
      const address = new URL(`/live/frames${isPhoto ? "?photo=true" : ""}`, location.href);
      address.protocol = address.protocol.replace("http", "ws");
      const socket = new WebSocket(address);
      socket.onopen = () => resolve((this.sockets[isPhoto] = socket));
      socket.onclose = () => reject(new Error("There is no connection to the server."));
    });
  }

  close() {
    Object.values(this.sockets).forEach((socket) => socket.close());
    this.sockets = {};
  }
}

async function encoded(canvas, type, quality) {
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, type, quality));
  if (!blob) throw new Error("The browser could not encode the picture.");
  return blob;
}

// Returns a photo as PNG, without loss, so that the server recognises the same pixels as the browser
// would; a photo whose PNG is too large for the server becomes a JPEG.
async function encodedPhoto(canvas) {
  const png = await encoded(canvas, "image/png");
  if (png.size <= MAX_BYTES) return png;
  const good = await encoded(canvas, "image/jpeg", 0.95);
  return good.size <= MAX_BYTES ? good : encoded(canvas, "image/jpeg", 0.8);
}

// Passes each picture to a worker of this page, in which ONNX Runtime Web runs the model.
export class BrowserEngine {
  static isSupported() {
    return typeof WebAssembly === "object" && typeof Worker === "function";
  }

  constructor() {
    this.requests = new Map();
    this.lastId = 0;
    this.worker = new Worker("/live/static/worker.js", { type: "module" });
    this.ready = new Promise((resolve, reject) => {
      this.worker.onerror = () => reject(new Error("The browser could not start the model."));
      this.worker.onmessage = ({ data }) => {
        if (data.ready) resolve();
        else if (data.failed) reject(new Error(`The browser could not load the model: ${data.failed}.`));
        else this.answer(data);
      };
    });
    this.ready.catch(() => {}); // the first call of recognise reports it
  }

  answer({ id, error, ...found }) {
    const { resolve, reject } = this.requests.get(id);
    this.requests.delete(id);
    if (error) reject(new Error(error));
    else resolve(found);
  }

  async recognise(canvas, isPhoto) {
    await this.ready;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    const { width, height, data } = context.getImageData(0, 0, canvas.width, canvas.height);
    const id = ++this.lastId;
    return new Promise((resolve, reject) => {
      this.requests.set(id, { resolve, reject });
      this.worker.postMessage({ id, image: { width, height, data }, isPhoto }, [data.buffer]);
    });
  }

  close() {
    this.worker.terminate();
    this.requests.forEach(({ reject }) => reject(new Error("The model was stopped.")));
    this.requests.clear();
  }
}
