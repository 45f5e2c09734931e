// Follows faces from frame to frame, so that boxes and bars do not flicker: the same computation
// as facevalue.recognition.tracking.Smoother.

// The area that two boxes [x, y, width, height] share.
export function sharedArea(a, b) {
  const width = Math.min(a[0] + a[2], b[0] + b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[1] + a[3], b[1] + b[3]) - Math.max(a[1], b[1]);
  return Math.max(width, 0) * Math.max(height, 0);
}

function overlap(a, b) {
  const both = sharedArea(a, b);
  return both / (a[2] * a[3] + b[2] * b[3] - both);
}

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
