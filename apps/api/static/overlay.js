// Draws the found faces over the picture: a box, a name and seven bars for each, all with the
// person's number and colour. The bars are next to their face as long as they cover no face and no
// name; otherwise the bars of all faces move out of the picture. A name that would cover another face
// or name is shortened to the number, and the emotion and its probability are above the bars instead.

import { sharedArea } from "./boxes.js";
import { clipped, colour, enlarged, indexOfLargest, title } from "./people.js";

const GAP = 6; // pixels between a box and its bars
const NARROW = 480; // on a narrower stage, the bars are never in the picture
const MAX_BARS = 4; // only the largest faces have bars; all have a number
const MIN_NAMED = 60; // pixels: in a crowd, a narrower box has only a number
const TINY = 26; // pixels: in a crowd, the number of a narrower box is small
const PAUSE = 1000; // milliseconds before a label changes back or a screen reader speaks again

export class Overlay {
  // stage: the element that shows the picture; over and outside: where boxes and bars are added;
  // ribbon: an element at the bottom of the stage, perhaps hidden; status: the line that says in
  // words what is shown; spoken: the same for screen readers.
  constructor({ stage, over, outside, ribbon, status, spoken }) {
    Object.assign(this, { stage, over, outside, ribbon, status, spoken });
    this.labels = new Map(); // by the number of a person
    this.clear();
  }

  // faces: [{box, probabilities, person}], in pixels of a picture of this width and height;
  // hint: what to do if there are none.
  draw(faces, { width, height, emotions, mirrored, hint }) {
    this.shown = [faces, { width, height, emotions, mirrored, hint }];
    const scale = this.stage.clientWidth / width;
    const room = { width: this.stage.clientWidth, height: height * scale - this.ribbon.offsetHeight };
    const isCrowd = faces.length > MAX_BARS;
    this.removeLabels(new Set(faces.map(({ person }) => person)));
    const drawn = faces.map((face) => {
      const label = this.label(face.person, emotions);
      let [x, y, w, h] = enlarged(face.box).map((value) => value * scale);
      if (mirrored) x = room.width - x - w;
      fill(label, face, emotions, isCrowd && w < MIN_NAMED);
      label.name.classList.toggle("tiny", isCrowd && w < TINY);
      [x, y, w, h] = clipped([x, y, w, h], room.width, height * scale);
      Object.assign(label.box.style, { width: `${w}px`, height: `${h}px` });
      place(label.box, x, y);
      return { label, box: [x, y, w, h] };
    });
    drawn.sort((a, b) => b.box[2] * b.box[3] - a.box[2] * a.box[3]);
    this.outside.parentNode.classList.toggle("crowd", isCrowd);
    const taken = drawn.map(({ box }) => box);
    drawn.forEach((each) => taken.push(placeName(each, room, taken)));
    drawn.forEach(({ label }) => showTitleOnce(label));
    this.placeBars(drawn, room, taken);
    this.describe(faces, emotions, hint);
  }

  // Draws the same faces again, after a change of the size or of the mirroring.
  redraw(mirrored) {
    if (this.shown) this.draw(this.shown[0], { ...this.shown[1], mirrored });
  }

  clear() {
    this.removeLabels(new Set());
    this.shown = null;
    this.spokenAt = this.lackedRoomAt = -Infinity;
    this.status.textContent = this.spoken.textContent = "";
  }

  removeLabels(kept) {
    for (const [person, label] of this.labels)
      if (!kept.has(person)) {
        [label.box, label.name, label.bars].forEach((node) => node.remove());
        this.labels.delete(person);
      }
  }

  label(person, emotions) {
    if (!this.labels.has(person)) this.labels.set(person, createLabel(person, emotions, this.over));
    return this.labels.get(person);
  }

  placeBars(drawn, room, taken) {
    const places = room.width >= NARROW && drawn.length <= MAX_BARS
      ? placesOfBars(drawn, room, [...taken]) : null;
    const now = performance.now();
    if (!places) this.lackedRoomAt = now;
    const inside = now - this.lackedRoomAt > PAUSE;
    const ordered = inside ? drawn : [...drawn].sort((a, b) => a.label.person - b.label.person);
    ordered.forEach(({ label }, k) => {
      const parent = inside ? this.over : this.outside;
      // in the order of their numbers; a node that is in its place already is not moved
      if (inside ? label.bars.parentNode !== parent : parent.children[k] !== label.bars)
        parent.insertBefore(label.bars, inside ? null : parent.children[k] ?? null);
      label.bars.classList.toggle("brief", drawn.length > MAX_BARS);
      if (inside) place(label.bars, ...places[k]);
    });
  }

  // Says in words what is shown: on the page at once, to screen readers only when it changes, and
  // not too often.
  describe(faces, emotions, hint) {
    const ordered = [...faces].sort((a, b) => a.person - b.person);
    const shown = ordered.map((face) => emotions[indexOfLargest(face.probabilities)]);
    const names = faces.length <= MAX_BARS
      ? shown.map((emotion, k) => `#${ordered[k].person} ${emotion}`)
      : emotions.filter((emotion) => shown.includes(emotion)).map((emotion) =>
          `${shown.filter((each) => each === emotion).length} x ${emotion}`);
    const count = faces.length === 1 ? "1 face" : `${faces.length} faces`;
    const text = faces.length ? `${count}: ${names.join(", ")}` : `No face found. ${hint}`;
    this.status.textContent = text;
    const now = performance.now();
    if (text === this.spoken.textContent || now - this.spokenAt < PAUSE) return;
    this.spokenAt = now;
    this.spoken.textContent = text;
  }
}

function createLabel(person, emotions, over) {
  const add = (tag, className, parent) => {
    const node = document.createElement(tag);
    node.className = className;
    parent.append(node);
    return node;
  };
  const box = add("div", "face", over), name = add("div", "name", over);
  const bars = add("div", "bars-over", over), head = add("div", "title", bars);
  const rows = emotions.map((emotion) => {
    const text = add("span", "", bars), bar = add("i", "", bars);
    text.textContent = emotion;
    bar.style.background = colour(person);
    return { text, bar };
  });
  const [nameText, titleText] = [name, head].map((parent) => {
    const number = add("b", "number", parent);
    number.textContent = person;
    number.style.background = colour(person);
    return add("span", "text", parent);
  });
  for (const node of [box, name, bars]) {
    node.style.borderColor = colour(person);
    node.dataset.person = person;
  }
  const size = [bars.offsetWidth, bars.offsetHeight];
  return { person, box, name, nameText, bars, titleText, rows, size };
}

function fill(label, face, emotions, isSmall) {
  const best = indexOfLargest(face.probabilities);
  label.nameText.textContent = isSmall ? "" : title(face, emotions);
  label.fullTitle = title(face, emotions);
  label.rows.forEach(({ text, bar }, k) => {
    text.className = k === best ? "top" : "";
    bar.style.transform = `scaleX(${Math.max(0.01, face.probabilities[k])})`;
  });
}

// Shows the emotion and its probability above the bars if the name on the face is only a number.
function showTitleOnce(label) {
  const isNamed = label.nameText.textContent !== "";
  label.titleText.textContent = isNamed ? "" : label.fullTitle;
  label.bars.classList.toggle("named", isNamed);
}

const place = (node, x, y) =>
  (node.style.transform = `translate(${Math.round(x)}px, ${Math.round(y)}px)`);

const fit = (value, size, limit) => Math.min(Math.max(value, 0), Math.max(0, limit - size));

// Returns how much of the rectangles `taken`, other than `own`, a rectangle covers, in square pixels.
const covered = (rectangle, taken, own) =>
  taken.reduce((sum, other) => (other === own ? sum : sum + sharedArea(rectangle, other)), 0);

// Places the name where it covers the least of other faces and names, above the box if possible. A
// name that covers some of them even there is shortened to the number.
function placeName({ label, box }, room, taken) {
  const now = performance.now();
  if (now < label.shortUntil) label.nameText.textContent = "";
  let [least, where] = bestPlace(label, box, room, taken);
  if (least > 0 && label.nameText.textContent) {
    label.shortUntil = now + PAUSE;
    label.nameText.textContent = "";
    where = bestPlace(label, box, room, taken)[1];
  }
  place(label.name, ...where);
  return where;
}

// Returns how much of other faces and names a name covers in its best place, and that place. It is
// the place of the previous frame, unless another one is better.
function bestPlace(label, box, room, taken) {
  const [x, y, w, h] = box, width = label.name.offsetWidth, height = label.name.offsetHeight;
  const places = [[x, y - height], [x + w - width, y - height], [x, y + h], [x, y]].map(
    ([left, top]) => [fit(left, width, room.width), fit(top, height, room.height), width, height]);
  const costs = places.map((each) => covered(each, taken, box));
  const least = Math.min(...costs);
  if (!(costs[label.namePlace] <= least)) label.namePlace = costs.indexOf(least);
  return [least, places[label.namePlace]];
}

// Returns a place for the bars of each face, next to it, where they cover nothing; or null if one of
// the faces has no such place.
function placesOfBars(drawn, room, taken) {
  const found = [];
  for (const { label, box: [x, y, w, h] } of drawn) {
    const [width, height] = label.size, top = fit(y, height, room.height);
    const low = fit(y + h - height, height, room.height), left = fit(x, width, room.width);
    const places = [
      [x + w + GAP, top], [x - width - GAP, top], [x + w + GAP, low], [x - width - GAP, low],
      [left, y + h + GAP], [left, y - height - GAP],
    ].map(([px, py]) => [px, py, width, height]);
    const isFree = (each) => covered(each, taken) < 1 && each[0] >= 0 && each[1] >= 0
      && each[0] + width <= room.width && each[1] + height <= room.height;
    const now = places[label.place];
    if (!now || !isFree(now)) label.place = places.findIndex(isFree);
    if (label.place < 0) return null;
    found.push(places[label.place]);
    taken.push(places[label.place]);
  }
  return found;
}
