/** Processes that have no WebAssembly, or not all of it, played by this one. */

/** Runs with another `WebAssembly`, undefined for none, and puts the real one back. */
export function withWebAssembly<Result>(api: object | undefined, run: () => Result): Result {
  const real = Object.getOwnPropertyDescriptor(globalThis, 'WebAssembly')!
  Object.defineProperty(globalThis, 'WebAssembly', { ...real, value: api })
  try {
    return run()
  } finally {
    Object.defineProperty(globalThis, 'WebAssembly', real)
  }
}

/** What an engine without SIMD says of a module that has it, too; modules are compiled once, and cannot be refused later. */
function refuse(): never {
  throw new RangeError('not here')
}

const real = (globalThis as unknown as { WebAssembly: object }).WebAssembly

/** Ways in which kernels cannot be loaded. */
export const UNUSABLE = [
  ['is no WebAssembly', undefined],
  ['is no memory left', { ...parts(), Memory: refuse }],
  ['is no instance to be had', { ...parts(), Instance: refuse }],
] as const

/** The classes of WebAssembly, which are not enumerable. */
function parts(): Record<string, unknown> {
  return Object.fromEntries(
    ['Module', 'Memory', 'Instance'].map((name) => [name, Reflect.get(real, name) as unknown]),
  )
}
