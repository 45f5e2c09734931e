// Boxes: [x, y, width, height] in pixels, as facevalue.recognition.face has them.

// The area that two boxes [x, y, width, height] share.
export function sharedArea(a, b) {
  const width = Math.min(a[0] + a[2], b[0] + b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[1] + a[3], b[1] + b[3]) - Math.max(a[1], b[1]);
  return Math.max(width, 0) * Math.max(height, 0);
}

// The intersection over union of two boxes, 0 to 1.
export function overlap(a, b) {
  const both = sharedArea(a, b);
  return both / (a[2] * a[3] + b[2] * b[3] - both);
}
