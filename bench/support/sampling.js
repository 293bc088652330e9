// Samples: each contestant in a process of its own, each time; contestants in turns, so that a slow spell of the machine meets all alike.
import { spawn } from 'node:child_process'
import { mkdtempSync, existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const SAMPLE = fileURLToPath(new URL('sample.js', import.meta.url))

/** A folder in memory where the machine has one: disks are not what is measured. */
export function workFolder() {
  return mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'sealstream-bench-'))
}

/** One sample: `{ seconds, cpuSeconds, rss, bytes, ... }`. */
export function takeSample(file, contestant, param, folder) {
  return new Promise((resolve, reject) => {
    const args = ['--expose-gc', SAMPLE, file, contestant, JSON.stringify(param), folder]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'pipe', 'ipc'] })
    let sample
    let errors = ''
    child.stderr.on('data', (text) => (errors += text))
    child.on('message', (message) => (sample = message))
    child.on('close', (code) => {
      if (code === 0 && sample !== undefined) resolve(sample)
      else reject(new Error(`${contestant} ${JSON.stringify(param)}: exit ${code}: ${errors.slice(-2000)}`))
    })
  })
}

/** All samples of a question: `[{ contestant, param, samples }]`. Failures are said and left out. */
export async function sampleQuestion(file, { params, contestants }, { rounds, folder, onSample }) {
  const rows = params.flatMap((param) =>
    Object.entries(contestants)
      .filter(([, { only }]) => only === undefined || only(param))
      .map(([contestant]) => ({ contestant, param, samples: [] })),
  )
  for (let round = 0; round < rounds; round++) {
    for (const row of rows) {
      if (row.failure !== undefined) continue
      try {
        row.samples.push(await takeSample(file, row.contestant, row.param, folder))
      } catch (error) {
        row.failure = error.message
      }
      onSample(row, round)
    }
  }
  return rows
}

/** Middle of the numbers. */
export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** Bytes per second, in units of 10^9: least, median and most of the samples. */
export function speeds(samples) {
  const all = samples.map(({ bytes, seconds }) => bytes / seconds / 1e9)
  return { least: Math.min(...all), median: median(all), most: Math.max(...all) }
}
