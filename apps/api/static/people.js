// What belongs to one person on the live page: a number and a colour.

// Six colours of Okabe and Ito (2008), brightened where black on them would be hard to read.
const COLOURS = ["#56b4e9", "#e69f00", "#2fc79a", "#f0e442", "#e08fbb", "#f07a3c"];

export const colour = (person) => COLOURS[(person - 1) % COLOURS.length];

// Returns the box that is drawn: a little larger than the detector's, which cuts off some chins.
export function enlarged([x, y, width, height]) {
  return [x - 0.06 * width, y - 0.03 * height, 1.12 * width, 1.12 * height];
}

// Returns the part of a box in a picture of this size.
export function clipped([x, y, boxWidth, boxHeight], width, height) {
  const left = Math.max(x, 0), top = Math.max(y, 0);
  return [left, top, Math.min(x + boxWidth, width) - left, Math.min(y + boxHeight, height) - top];
}

export const indexOfLargest = (values) => values.indexOf(Math.max(...values));

// Returns the most probable emotion of a face and its probability, such as "happy 97 %".
export function title({ probabilities }, emotions) {
  const best = indexOfLargest(probabilities);
  return `${emotions[best]} ${Math.round(100 * probabilities[best])} %`;
}

// Numbers the people of one camera, video or photo: from 1 on, new ones from left to right on the
// page.
export class People {
  constructor() {
    // from the number of a track: false detections have tracks too, but people count from 1 on
    this.numbers = new Map();
  }

  // Returns the faces with the number of their person. Faces of a photo belong to no track.
  numbered(faces, mirrored) {
    const direction = mirrored ? -1 : 1;
    const byPlace = [...faces].sort((a, b) => direction * (a.box[0] - b.box[0]));
    const tracks = new Map(byPlace.map((face, k) => [face, face.number ?? k]));
    for (const number of tracks.values())
      if (!this.numbers.has(number)) this.numbers.set(number, this.numbers.size + 1);
    return faces.map((face) => ({ ...face, person: this.numbers.get(tracks.get(face)) }));
  }
}
