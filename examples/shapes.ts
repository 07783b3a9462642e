// Shapes on a plane, with their areas and outlines.

export interface Shape {
  readonly name: string;
  area(): number;
  perimeter(): number;
}

export class Circle implements Shape {
  readonly name = "circle";

  constructor(private readonly radius: number) {
    if (radius <= 0) {
      throw new RangeError("a circle needs a positive radius");
    }
  }

  area(): number {
    return Math.PI * this.radius * this.radius;
  }

  perimeter(): number {
    return 2 * Math.PI * this.radius;
  }
}

export class Rectangle implements Shape {
  readonly name = "rectangle";

  constructor(private readonly width: number, private readonly height: number) {
    if (width <= 0 || height <= 0) {
      throw new RangeError("a rectangle needs positive sides");
    }
  }

  area(): number {
    return this.width * this.height;
  }

  perimeter(): number {
    return 2 * (this.width + this.height);
  }
}

export function largest(shapes: Shape[]): Shape | undefined {
  let found: Shape | undefined;
  for (const shape of shapes) {
    if (found === undefined || shape.area() > found.area()) {
      found = shape;
    }
  }
  return found;
}
