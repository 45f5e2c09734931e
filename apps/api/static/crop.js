// Cuts faces out of a picture, upright, as facevalue.recognition.cropping.crop does.

import { cutPlanes, grey, turned } from "./picture.js";
import { halfEven, resize } from "./resize.js";

// Returns the angle by which the line through a face's eyes leans, in degrees, clockwise.
export function roll({ landmarks: [rightX, rightY, leftX, leftY] }) {
  return (Math.atan2(leftY - rightY, leftX - rightX) * 180) / Math.PI;
}

// Returns the grey levels of the square around a face, of size x size pixels, turned so that the
// eyes are level. image: RGBA; settings: "face" of /live/settings.json.
export function crop(image, face, { size, margin, leastRoll }) {
  const [x, y, width, height] = face.box, angle = roll(face), leans = Math.abs(angle) >= leastRoll;
  const side = Math.max(1, halfEven(Math.max(width, height) * (1 + 2 * margin)));
  const room = leans ? Math.ceil(side / 4) + 1 : 0; // for the corners of the turned square
  const left = x + Math.floor((width - side) / 2) - room;
  const top = y + Math.floor((height - side) / 2) - room;
  const around = cutPlanes(image, left, top, side + 2 * room, side + 2 * room);
  const centre = [x + width / 2 - left, y + height / 2 - top];
  const squares = leans ? around.map((plane) => turned(plane, centre, side, angle)) : around;
  return grey(squares.map((square) => resize(square, size, size))).data;
}
