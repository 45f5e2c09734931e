// Recognises the faces in the frames of a video. The two networks take turns, so that a page shows 25
// frames a second where both would allow 17: one frame tells where the faces are, and the next one
// the emotions of two of them, those that were named longest ago. A face that is new gets its emotion
// at once.

import { overlap } from "./boxes.js";

const MIN_OVERLAP = 0.3; // intersection over union: two boxes with less are of different faces
const BREAK = 500; // milliseconds: after a longer gap all faces are new
const NAMED_AT_ONCE = 2; // faces in a frame: many people in the picture do not slow it down

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
    if (this.isNamingNext) {
      const byAge = [...this.faces].sort((a, b) => a.named - b.named);
      await this.nameAll(image, byAge.slice(0, NAMED_AT_ONCE), now);
    } else {
      this.faces = (await this.find(image)).map((face) => ({ ...face, ...this.emotionOf(face) }));
      await this.nameAll(image, this.faces.filter(({ probabilities }) => !probabilities), now);
    }
    this.isNamingNext = !this.isNamingNext && this.faces.length > 0;
    return this.faces;
  }

  // Returns the probabilities of the face that was in this place and when it got them, or nothing.
  emotionOf({ box }) {
    const [best] = [...this.faces].sort((a, b) => overlap(b.box, box) - overlap(a.box, box));
    if (!best || overlap(best.box, box) < MIN_OVERLAP) return {};
    return { probabilities: best.probabilities, named: best.named };
  }

  async nameAll(image, faces, now) {
    if (!faces.length) return;
    const rows = await this.name(image, faces);
    faces.forEach((face, k) => Object.assign(face, { probabilities: rows[k], named: now }));
  }
}
