/** The committed WebAssembly kernels, made ready to run. */
import type { KernelCode } from './kernel-code.js'

/** Bytes of a page, WebAssembly's unit of memory. */
const PAGE_BYTES = 64 * 1024

/** An instance of a kernel. */
export interface Kernel<Exports> {
  readonly run: Exports
  /** All of its memory; it never grows. */
  readonly memory: ArrayBuffer
}

/** As much of WebAssembly as is used here; no type library that Node.js programs have declares it. */
interface WebAssemblyApi {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Memory: new (size: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer }
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown }
}

/**
 * Compiled once in a process: V8 has threads share the code of equal modules, also what it optimised meanwhile, as long as one of them
 * is alive. Compiling the largest anew takes some 100 ms of processor time.
 */
const modules = new Map<string, object>()

function compiled(api: WebAssemblyApi, { sha256, base64 }: KernelCode): object {
  const module = modules.get(sha256) ?? new api.Module(Buffer.from(base64, 'base64'))
  modules.set(sha256, module)
  return module
}

/**
 * Kernels that share one memory.
 *
 * @param bytes - Size of that memory at least.
 * @returns Undefined where this process has no WebAssembly (`--jitless`), or none with SIMD.
 */
export function loadKernels<Exports>(
  codes: readonly KernelCode[],
  bytes: number,
): readonly Kernel<Exports>[] | undefined {
  const { WebAssembly: api } = globalThis as { WebAssembly?: WebAssemblyApi }
  if (api === undefined) return undefined
  try {
    const pages = Math.ceil(bytes / PAGE_BYTES)
    const memory = new api.Memory({ initial: pages, maximum: pages })
    return codes.map((code) => {
      const instance = new api.Instance(compiled(api, code), { env: { memory } })
      return { run: instance.exports as Exports, memory: memory.buffer }
    })
  } catch {
    return undefined
  }
}
