// Cuts faces out of a picture, upright, as facevalue.recognition.cropping.crop does.

import { cut, grey, turned } from "./picture.js";
import { halfEven, resize } from "./resize.js";

// The angle by which the line of a face's eyes leans, in degrees; above 0 clockwise.
export function roll({ landmarks: [rightX, rightY, leftX, leftY] }) {
  return (Math.atan2(leftY - rightY, leftX - rightX) * 180) / Math.PI;
}

// Returns the grey levels of the square around a face, of size x size pixels, turned so that the
// eyes are level. planes: red, green and blue; settings: "face" of /live/settings.json.
export function crop(planes, face, { size, margin, leastRoll }) {
  const [x, y, width, height] = face.box, angle = roll(face);
  const side = Math.max(1, halfEven(Math.max(width, height) * (1 + 2 * margin)));
  const left = x + Math.floor((width - side) / 2), top = y + Math.floor((height - side) / 2);
  const squares = planes.map((plane) => Math.abs(angle) >= leastRoll
    ? turned(plane, [x + width / 2, y + height / 2], side, angle)
    : cut(plane, left, top, side, side));
  return grey(squares.map((square) => resize(square, size, size))).data;
}
