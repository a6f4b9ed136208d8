/** How a picture lies in the view: how large, and how far from the middle. */
export interface Lie {
  readonly zoom: number
  readonly x: number
  readonly y: number
}

export interface Size {
  readonly width: number
  readonly height: number
}

export const MIN = 1
export const MAX = 5
export const STEP = 1.25
export const FITTING: Lie = { zoom: MIN, x: 0, y: 0 }

const clamp = (value: number, least: number, most: number) => Math.min(most, Math.max(least, value))

/** Never so far that more than the picture's edge leaves the middle of the view. */
export function within(lie: Lie, view: Size): Lie {
  const across = (view.width * (lie.zoom - 1)) / 2
  const down = (view.height * (lie.zoom - 1)) / 2
  return { zoom: lie.zoom, x: clamp(lie.x, -across, across), y: clamp(lie.y, -down, down) }
}

/** Zooms by *factor*, keeping what is under *point* (from the middle of the view) where it is. */
export function zoomed(lie: Lie, factor: number, view: Size, point = { x: 0, y: 0 }): Lie {
  const zoom = clamp(lie.zoom * factor, MIN, MAX)
  const grown = zoom / lie.zoom
  return within({ zoom, x: point.x - (point.x - lie.x) * grown, y: point.y - (point.y - lie.y) * grown }, view)
}

export function panned(lie: Lie, x: number, y: number, view: Size): Lie {
  return within({ ...lie, x: lie.x + x, y: lie.y + y }, view)
}
