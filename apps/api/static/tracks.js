// Follows faces from frame to frame, so that boxes and bars do not flicker, with the same computation
// as facevalue.recognition.tracking.Smoother. A face is the same as the one of the previous frame
// whose box overlaps its own box most, if they overlap enough. Its box and its probabilities move
// towards the new ones, the box fast and the probabilities slowly. It is shown after it has been
// found twice, until it has not been found for some tenths of a second. The numbers of this rule are
// in /live/settings.json.

import { overlap } from "./boxes.js";

export class Smoother {
  // `settings` is "smoothing" of /live/settings.json.
  constructor(settings) {
    this.settings = settings;
    this.tracks = [];
    this.last = -Infinity;
    this.lastNumber = 0;
  }

  // Returns the faces to show. faces: [{box, probabilities}]; seconds: when the frame was taken.
  update(faces, seconds) {
    const { minOverlap, probabilitySeconds, boxSeconds, keepSeconds, minSightings } = this.settings;
    const passed = Math.max(0, seconds - this.last);
    this.last = seconds;
    const left = new Set(this.tracks);
    for (const { box, probabilities } of faces) {
      const same = [...left].sort((a, b) => overlap(b.box, box) - overlap(a.box, box))[0];
      if (!same || overlap(same.box, box) < minOverlap) {
        this.tracks.push({ number: ++this.lastNumber, box, probabilities, seen: seconds, times: 1 });
        continue;
      }
      left.delete(same);
      same.box = moved(same.box, box, 1 - Math.exp(-passed / boxSeconds));
      same.probabilities = moved(
        same.probabilities, probabilities, 1 - Math.exp(-passed / probabilitySeconds));
      same.seen = seconds;
      same.times++;
    }
    this.tracks = this.tracks.filter((track) => seconds - track.seen <= keepSeconds);
    return this.tracks.filter((track) => track.times >= minSightings);
  }
}

const moved = (from, to, weight) => from.map((value, k) => value + weight * (to[k] - value));
