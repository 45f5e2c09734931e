// Recognises the faces in the frames of a video. The two networks take turns, so that a page shows 25
// frames a second where both would allow 17: one frame tells where the faces are, and the next one
// their emotions there. A face that is new gets its emotion at once.

import { overlap } from "./boxes.js";

const MIN_OVERLAP = 0.3; // intersection over union: two boxes with less are of different faces
const BREAK = 500; // milliseconds: after a longer gap all faces are new

export class Frames {
  // find: takes a picture, and returns its faces;
  // name: takes a picture and faces, and returns the seven probabilities of each.
  constructor(find, name) {
    this.find = find;
    this.name = name;
    this.reset();
  }

  reset() {
    this.faces = [];
    this.isNamingNext = false;
  }

  // Returns [{box, landmarks, probabilities}]; now: milliseconds.
  async recognise(image, now) {
    const { width, height } = image, size = `${width} x ${height}`;
    if (size !== this.size || now - this.last > BREAK) this.reset();
    Object.assign(this, { size, last: now });
    if (this.isNamingNext) await this.nameAll(image, this.faces);
    else {
      this.faces = (await this.find(image)).map((face) => ({ ...face, ...this.emotionOf(face) }));
      await this.nameAll(image, this.faces.filter(({ probabilities }) => !probabilities));
    }
    this.isNamingNext = !this.isNamingNext && this.faces.length > 0;
    return this.faces;
  }

  // Returns the probabilities of the face that was in this place, or nothing.
  emotionOf({ box }) {
    const [best] = [...this.faces].sort((a, b) => overlap(b.box, box) - overlap(a.box, box));
    return best && overlap(best.box, box) >= MIN_OVERLAP ? { probabilities: best.probabilities } : {};
  }

  async nameAll(image, faces) {
    if (!faces.length) return;
    const rows = await this.name(image, faces);
    faces.forEach((face, k) => (face.probabilities = rows[k]));
  }
}
