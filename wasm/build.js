// Writes lib/checksum/kernel-code.ts from the sources beside this file: `npm run build:wasm`.
//
// The result is committed, so that nobody needs a toolchain to install or run this package; a spec builds it again and compares.
import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import initWabt from 'wabt'
import { CRC64_FOLD, crc64Fold } from './crc64-fold.js'
import { MD5_LANES, md5Lanes } from './md5-lanes.js'

const TARGET = fileURLToPath(new URL('../lib/checksum/kernel-code.ts', import.meta.url))

/** The text of the module that holds the kernels. */
export async function build() {
  const wabt = await initWabt()
  const assemble = (name, text) => {
    const module = wabt.parseWat(name, text, { simd: true, bulk_memory: true })
    try {
      module.validate({ simd: true, bulk_memory: true })
      return Buffer.from(module.toBinary({}).buffer)
    } finally {
      module.destroy()
    }
  }
  const literal = (bytes) =>
    `{\n    sha256: '${createHash('sha256').update(bytes).digest('hex')}',\n    base64:\n      '${bytes.toString('base64')}',\n  }`
  const kernels = MD5_LANES.lanes.map(
    (lanes) => `  ${lanes}: ${literal(assemble(`md5-${lanes}`, md5Lanes(lanes)))},`,
  )
  return `/** Made by \`npm run build:wasm\` from the sources in wasm/. Do not edit. */

/** A WebAssembly module. */
export interface KernelCode {
  /** Of the decoded bytes, lower-case hex. */
  readonly sha256: string
  readonly base64: string
}

/** CRC-64 by folding (wasm/crc64-fold.js). */
export const CRC64_FOLD = {
  /** Bytes of the history, which is where its memory begins; zeros before the first call. */
  historyBytes: ${CRC64_FOLD.historyBytes},
  /** Most bytes of a call. */
  mostBytes: ${CRC64_FOLD.mostBytes},
  /** Where in its memory the tail is. */
  tailAt: ${CRC64_FOLD.tailAt},
  /** Bytes of the tail. */
  tailBytes: ${CRC64_FOLD.tailBytes},
  /** Bytes of memory that it works in. */
  scratchBytes: ${CRC64_FOLD.scratchBytes},
  code: ${literal(assemble('crc64-fold', crc64Fold()))},
} as const

/** Bytes of memory that the largest MD5 kernel works in, its constants first. */
export const MD5_SCRATCH_BYTES = ${MD5_LANES.scratchBytes}

/** MD5 of several messages at once (wasm/md5-lanes.js), by the number of lanes. */
export const MD5_LANES = {
${kernels.join('\n')}
} as const
`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await writeFile(TARGET, await build())
