// What changed between two runs, beyond noise: `npm run bench:compare A.json B.json`.
//
// A change is told where the medians differ by more than the samples of either run differ among themselves (three times the median
// deviation from the median), and by more than 3 %.
import { readFileSync } from 'node:fs'
import { Command, InvalidArgumentError } from 'commander'
import { median } from './support/sampling.js'

const samplesOf = (file) => {
  try {
    const { machine, results } = JSON.parse(readFileSync(file, 'utf8'))
    if (machine !== undefined && results !== undefined) return { machine, results }
  } catch (error) {
    throw new InvalidArgumentError(error.message)
  }
  throw new InvalidArgumentError('It holds no samples.')
}

const [before, after] = new Command('bench:compare')
  .description('What changed between two runs, beyond noise?')
  .argument('<before>', 'what `npm run bench -- --json FILE` wrote', samplesOf)
  .argument('<after>', 'the same, later', samplesOf)
  .showHelpAfterError()
  .parse().processedArgs

const speedsOf = ({ samples }) => samples.map(({ bytes, seconds }) => bytes / seconds / 1e9)
const deviation = (numbers, middle) => median(numbers.map((each) => Math.abs(each - middle)))

for (const key of ['cpu', 'node', 'openssl']) {
  if (before.machine[key] !== after.machine[key])
    console.log(`${key}: ${before.machine[key]} -> ${after.machine[key]}`)
}
let compared = 0
for (const { name, rows } of before.results) {
  const others = after.results.find((each) => each.name === name)?.rows ?? []
  for (const row of rows) {
    const other = others.find(
      ({ contestant, param }) =>
        contestant === row.contestant && JSON.stringify(param) === JSON.stringify(row.param),
    )
    if (row.samples.length === 0 || !(other?.samples.length > 0)) continue
    compared += 1
    const [a, b] = [speedsOf(row), speedsOf(other)]
    const [old, now] = [median(a), median(b)]
    const noise = 3 * Math.max(deviation(a, old), deviation(b, now), 0.01 * old)
    if (Math.abs(now - old) <= noise) continue
    const percent = ((now / old - 1) * 100).toFixed(1)
    console.log(
      `${name}: ${row.contestant} ${JSON.stringify(row.param)}: ${old.toFixed(3)} -> ${now.toFixed(3)} GB/s (${percent} %)`,
    )
  }
}
console.log(`${compared} figures compared; what is not named changed less than its noise`)
