// Saves what was seen: a table (CSV) and a picture with boxes and bars (PNG). The browser makes and
// saves both; nothing is sent.

import { clipped, colour, enlarged, indexOfLargest, title } from "./people.js";

const PAUSE = 200; // milliseconds between two entries of the table
const MAX_ROWS = 200_000; // the newest ones: eleven hours of one person

export class Table {
  constructor() {
    this.rows = [];
    this.last = -Infinity;
  }

  // Adds a row for each face, at most five times a second. faces: [{person, box, probabilities}],
  // boxes in pixels of the picture as it is shown, perhaps mirrored; seconds: of the video, or since
  // the camera was started; where: "browser" or "server"; model: the name of the model.
  add(faces, { seconds, emotions, where, model }) {
    const now = Date.now();
    if (now - this.last < PAUSE) return;
    this.last = now;
    const time = new Date(now).toISOString();
    const ordered = [...faces].sort((a, b) => a.person - b.person);
    for (const { person, box, probabilities } of ordered)
      this.rows.push([time, seconds.toFixed(2), person, ...box.map((value) => value.toFixed(1)),
        ...probabilities.map((value) => value.toFixed(4)), emotions[indexOfLargest(probabilities)],
        where, model].join(","));
    if (this.rows.length > MAX_ROWS) this.rows = this.rows.slice(-MAX_ROWS);
  }

  csv(emotions) {
    // as far as they mean the same, the columns have the names of those of facevalue score
    const names = ["time", "seconds", "person", "x", "y", "width", "height", ...emotions, "emotion",
      "where", "model"];
    return new Blob([[names.join(","), ...this.rows, ""].join("\n")], { type: "text/csv" });
  }
}

const CARD = { width: 190, row: 17, title: 28, gap: 10 }; // pixels

// Returns a PNG file of a picture with its boxes and, below it, a card with seven bars for each face.
export async function snapshot(picture, width, height, faces, { emotions, mirrored }) {
  const unit = Math.max(1, width / 900); // pixels: letters must be readable in large photos too
  const canvas = document.createElement("canvas");
  const ordered = [...faces].sort((a, b) => a.person - b.person);
  const columns = Math.max(1, Math.floor((width / unit - CARD.gap) / (CARD.width + CARD.gap)));
  const cardHeight = CARD.title + emotions.length * CARD.row + CARD.gap;
  const rows = Math.ceil(faces.length / columns);
  canvas.width = width;
  canvas.height = height + Math.ceil(unit * (rows ? rows * cardHeight + CARD.gap : 0));
  const context = canvas.getContext("2d");
  context.fillStyle = "#15181c";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.save();
  if (mirrored) context.setTransform(-1, 0, 0, 1, width, 0);
  context.drawImage(picture, 0, 0, width, height);
  context.restore();
  for (const face of ordered) drawBox(context, face, { unit, width, height, mirrored, emotions });
  ordered.forEach((face, k) => {
    context.save();
    context.translate(0, height);
    context.scale(unit, unit);
    context.translate(CARD.gap + (k % columns) * (CARD.width + CARD.gap),
      CARD.gap + Math.floor(k / columns) * cardHeight);
    drawCard(context, face, emotions);
    context.restore();
  });
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

function drawBox(context, face, { unit, width, height, mirrored, emotions }) {
  let [x, y, w, h] = clipped(enlarged(face.box), width, height);
  if (mirrored) x = width - x - w;
  context.strokeStyle = context.fillStyle = colour(face.person);
  context.lineWidth = 3 * unit;
  context.strokeRect(x, y, w, h);
  context.font = `600 ${14 * unit}px system-ui, sans-serif`;
  const isWide = w > 60 * unit;
  const text = isWide ? `${face.person}  ${title(face, emotions)}` : `${face.person}`;
  const tag = context.measureText(text).width + 10 * unit, high = 20 * unit;
  const left = Math.min(Math.max(x, 0), width - tag), top = Math.max(0, y - high);
  context.fillRect(left, top, tag, high);
  context.fillStyle = "#111";
  context.fillText(text, left + 5 * unit, top + 15 * unit);
}

function drawCard(context, face, emotions) {
  const best = indexOfLargest(face.probabilities);
  context.fillStyle = colour(face.person);
  context.fillRect(0, 0, CARD.width, 22);
  context.fillStyle = "#111";
  context.font = "600 14px system-ui, sans-serif";
  context.fillText(`${face.person}  ${title(face, emotions)}`, 6, 16);
  emotions.forEach((emotion, k) => {
    const y = CARD.title + k * CARD.row;
    context.font = `${k === best ? 700 : 400} 13px system-ui, sans-serif`;
    context.fillStyle = "#fff";
    context.fillText(emotion, 6, y + 11);
    context.fillStyle = "#3a4048";
    context.fillRect(80, y + 3, 104, 8);
    context.fillStyle = colour(face.person);
    context.fillRect(80, y + 3, 104 * face.probabilities[k], 8);
  });
}

// Makes the browser save a file, whose name contains the time.
export function save(blob, ending) {
  const link = document.createElement("a");
  const time = new Date().toISOString().slice(0, 19).replace(/[-:]/g, "").replace("T", "-");
  link.download = `facevalue-${time}.${ending}`;
  link.href = URL.createObjectURL(blob);
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
