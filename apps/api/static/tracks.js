// Follows faces from frame to frame, so that boxes and bars do not flicker: as tracking.Smoother.

// The area that two boxes [x, y, width, height] share.
export function shared(a, b) {
  const width = Math.min(a[0] + a[2], b[0] + b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[1] + a[3], b[1] + b[3]) - Math.max(a[1], b[1]);
  return Math.max(width, 0) * Math.max(height, 0);
}

export function overlap(a, b) {
  const both = shared(a, b);
  return both / (a[2] * a[3] + b[2] * b[3] - both);
}

export class Smoother {
  constructor({ same, steady, quickBox, kept, sure }) {
    Object.assign(this, { same, steady, quickBox, kept, sure });
    this.clear();
  }

  clear() {
    this.tracks = [];
    this.last = -Infinity;
    this.number = 0;
  }

  // faces: [{box, probabilities}]; seconds: when the frame was taken. Returns those to show.
  update(faces, seconds) {
    const passed = Math.max(0, seconds - this.last);
    this.last = seconds;
    const left = new Set(this.tracks);
    for (const { box, probabilities } of faces) {
      const same = [...left].sort((a, b) => overlap(b.box, box) - overlap(a.box, box))[0];
      if (!same || overlap(same.box, box) < this.same) {
        this.tracks.push({ number: ++this.number, box, probabilities, seen: seconds, times: 1 });
        continue;
      }
      left.delete(same);
      same.box = towards(same.box, box, 1 - Math.exp(-passed / this.quickBox));
      same.probabilities = towards(
        same.probabilities, probabilities, 1 - Math.exp(-passed / this.steady));
      same.seen = seconds;
      same.times++;
    }
    this.tracks = this.tracks.filter((track) => seconds - track.seen <= this.kept);
    return this.tracks.filter((track) => track.times >= this.sure);
  }
}

const towards = (from, to, weight) => from.map((value, k) => value + weight * (to[k] - value));
