// Reads what c8 measured, prints it by folder, and holds each folder to its gate.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { relative, sep } from 'node:path'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

// Least percentage of lines and of branches. The folders that bytes and keys pass through are held to the most.
const GATES = {
  crypto: [100, 99],
  checksum: [100, 100],
  envelope: [100, 99],
  stream: [100, 98],
  keys: [98, 95],
  cos: [97, 93],
  encrypted: [97, 93],
  transfer: [97, 93],
  server: [95, 90],
  cli: [90, 80],
  internal: [95, 90],
  'lib/*.ts': [97, 93],
}

const summary = JSON.parse(
  readFileSync(new URL('../../coverage/coverage-summary.json', import.meta.url), 'utf8'),
)
const folders = new Map()
for (const [file, { lines, branches }] of Object.entries(summary)) {
  if (file === 'total') continue
  const [, folder, ...rest] = relative(ROOT, file).split(sep)
  const name = rest.length === 0 ? 'lib/*.ts' : folder
  const sums = folders.get(name) ?? { files: 0, lines: [0, 0], branches: [0, 0] }
  sums.files += 1
  for (const [kind, found] of [
    ['lines', lines],
    ['branches', branches],
  ]) {
    sums[kind][0] += found.covered
    sums[kind][1] += found.total
  }
  folders.set(name, sums)
}

const percent = ([covered, total]) => (total === 0 ? 100 : Math.floor((covered / total) * 1000) / 10)
let failed = false
console.log('folder      files   lines %  (gate)   branches %  (gate)')
for (const [name, sums] of [...folders].sort(([a], [b]) => a.localeCompare(b))) {
  const [leastLines, leastBranches] = GATES[name] ?? [100, 100]
  const [lines, branches] = [percent(sums.lines), percent(sums.branches)]
  const isLow = lines < leastLines || branches < leastBranches
  failed ||= isLow
  const cells = [
    name.padEnd(10),
    String(sums.files).padStart(6),
    String(lines).padStart(9),
    `(${leastLines})`.padStart(7),
  ]
  console.log(
    `${cells.join(' ')} ${String(branches).padStart(11)} ${`(${leastBranches})`.padStart(8)}${isLow ? '  too low' : ''}`,
  )
}
if (failed) process.exitCode = 1
