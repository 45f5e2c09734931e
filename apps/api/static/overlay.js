// Draws the found faces over the picture: a box, a name and seven bars for each.

import { sharedArea } from "./tracks.js";

const GAP = 4; // pixels between a box and its bars
const NARROW = 480; // on a narrower stage, the bars are below the picture
const MAX_BARS = 4; // only the largest faces have bars; all have names
const ANNOUNCEMENT_PAUSE = 1000; // milliseconds

export class Overlay {
  // stage: the element that shows the picture; over and below: where names and bars are added;
  // status: the element that says in words which faces are shown, for screen readers.
  constructor({ stage, over, below, status }) {
    Object.assign(this, { stage, over, below, status });
    this.labels = new Map(); // by the number of a face
    this.shown = null;
    this.announcedAt = -Infinity;
  }

  // faces: [{box, probabilities, number}], in pixels of a picture of this width and height.
  draw(faces, { width, height, emotions, colours, mirrored }) {
    this.shown = [faces, { width, height, emotions, colours, mirrored }];
    const scale = this.stage.clientWidth / width;
    const room = { width: this.stage.clientWidth, height: height * scale };
    this.removeLabels(new Set(faces.map(numberOf)));
    const placed = faces.map((face, k) => {
      const number = numberOf(face, k);
      if (!this.labels.has(number)) this.labels.set(number, this.createLabel(emotions, colours));
      const label = this.labels.get(number);
      fill(label, face.probabilities, emotions, colours);
      let [x, y, w, h] = face.box.map((value) => value * scale);
      if (mirrored) x = room.width - x - w;
      Object.assign(label.box.style, { width: `${w}px`, height: `${h}px` });
      place(label.box, x, y);
      const top = fit(y - label.name.offsetHeight, label.name.offsetHeight, room.height);
      place(label.name, fit(x, label.name.offsetWidth, room.width), top);
      return { label, box: [x, top, w, y + h - top] };
    });
    this.drawBars(placed, room);
    this.announce(faces, emotions);
  }

  // Draws the same faces again, after a change of the size or of the mirroring.
  redraw(mirrored) {
    if (this.shown) this.draw(this.shown[0], { ...this.shown[1], mirrored });
  }

  clear() {
    this.removeLabels(new Set());
    this.shown = null;
    this.announcedAt = -Infinity;
    this.status.textContent = "";
  }

  removeLabels(kept) {
    for (const [number, label] of this.labels)
      if (!kept.has(number)) {
        [label.box, label.name, label.bars].forEach((node) => node.remove());
        this.labels.delete(number);
      }
  }

  createLabel(emotions, colours) {
    const add = (tag, className, parent) => {
      const node = document.createElement(tag);
      node.className = className;
      parent.append(node);
      return node;
    };
    const box = add("div", "face", this.over), name = add("div", "name", this.over);
    const bars = add("div", "bars-over", this.over);
    const title = add("span", "title", bars);
    const rows = emotions.map((emotion) => {
      const text = add("span", "", bars), bar = add("i", "", bars);
      text.textContent = emotion;
      bar.style.background = colours[emotion];
      return { text, bar };
    });
    return { box, name, bars, title, rows };
  }

  drawBars(placed, room) {
    placed.sort((a, b) => b.box[2] * b.box[3] - a.box[2] * a.box[3]);
    const taken = placed.map(({ box }) => box);
    const narrow = room.width < NARROW;
    placed.forEach(({ label, box }, k) => {
      const parent = narrow ? this.below : this.over;
      if (label.bars.parentNode !== parent) parent.append(label.bars);
      label.bars.hidden = k >= MAX_BARS;
      if (!narrow && !label.bars.hidden) taken.push(placeBars(label, box, room, taken));
    });
  }

  // Says in words which faces are shown: when it changes, and not too often.
  announce(faces, emotions) {
    const names = faces.map(({ probabilities }) => emotions[largest(probabilities)]);
    const count = names.length === 1 ? "1 face" : `${names.length || "No"} faces`;
    const text = names.length ? `${count}: ${names.join(", ")}` : `${count} in the picture`;
    const now = performance.now();
    if (text === this.status.textContent || now - this.announcedAt < ANNOUNCEMENT_PAUSE) return;
    this.announcedAt = now;
    this.status.textContent = text;
  }
}

// Faces of a video have a number, by which the same label follows them; those of a photo do not.
const numberOf = (face, k) => face.number ?? -1 - k;

const largest = (values) => values.indexOf(Math.max(...values));

const place = (node, x, y) =>
  (node.style.transform = `translate(${Math.round(x)}px, ${Math.round(y)}px)`);

const fit = (value, size, limit) => Math.min(Math.max(value, 0), Math.max(0, limit - size));

function fill(label, probabilities, emotions, colours) {
  const best = largest(probabilities), colour = colours[emotions[best]];
  const text = `${emotions[best]} ${Math.round(100 * probabilities[best])} %`;
  label.name.textContent = label.title.textContent = text;
  for (const node of [label.box, label.name, label.bars]) node.style.borderColor = colour;
  label.rows.forEach(({ text, bar }, k) => {
    text.className = k === best ? "top" : "";
    bar.style.transform = `scaleX(${Math.max(0.01, probabilities[k])})`;
  });
}

// Places the bars where they cover least of the `taken` boxes, next to the face if there is room.
// They stay where they were in the previous frame, unless another place is clearly better.
function placeBars(label, [x, y, w, h], room, taken) {
  const { offsetWidth: width, offsetHeight: height } = label.bars;
  const places = [
    [x + w + GAP, y], [x - width - GAP, y], [x, y + h + GAP], [x, y - height - GAP],
    [room.width, room.height], [0, room.height], [room.width, 0], [0, 0],
  ].map(([left, top]) => [fit(left, width, room.width), fit(top, height, room.height), width, height]);
  const covered = places.map((each) =>
    taken.reduce((sum, other) => sum + sharedArea(each, other), 0));
  const least = Math.min(...covered);
  if (!(covered[label.place] <= least + 0.1 * width * height))
    label.place = covered.indexOf(least);
  place(label.bars, ...places[label.place]);
  return places[label.place];
}
