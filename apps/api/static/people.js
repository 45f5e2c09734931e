// What belongs to one person on the live page: a number and a colour.

// Six colours of Okabe and Ito (2008), brightened where black on them would be hard to read.
const COLOURS = ["#56b4e9", "#e69f00", "#2fc79a", "#f0e442", "#e08fbb", "#f07a3c"];

export const colour = (person) => COLOURS[(person - 1) % COLOURS.length];

// The box that is drawn: a little larger than the detector's, which ends at the lip of some chins.
export function frame([x, y, width, height]) {
  return [x - 0.06 * width, y - 0.03 * height, 1.12 * width, 1.12 * height];
}

export const largest = (values) => values.indexOf(Math.max(...values));

export function title({ probabilities }, emotions) {
  const best = largest(probabilities);
  return `${emotions[best]} ${Math.round(100 * probabilities[best])} %`;
}

// Numbers the people of one camera, video or photo: from 1 on, new ones from the left as shown.
export class People {
  constructor() {
    this.numbers = new Map(); // from the number of a track, which false finds use up, too
  }

  // Returns the faces with the number of their person. Faces of a photo belong to no track.
  numbered(faces, mirrored) {
    const way = mirrored ? -1 : 1;
    const byPlace = [...faces].sort((a, b) => way * (a.box[0] - b.box[0]));
    const persons = new Map(byPlace.map((face, k) => [face, face.number ?? k]));
    for (const number of persons.values())
      if (!this.numbers.has(number)) this.numbers.set(number, this.numbers.size + 1);
    return faces.map((face) => ({ ...face, person: this.numbers.get(persons.get(face)) }));
  }
}
