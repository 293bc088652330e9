// What was measured, for people: a table, the ratios, and a chart.
import { median, speeds } from './sampling.js'

const gb = (value) => (value >= 10 ? value.toFixed(1) : value >= 1 ? value.toFixed(2) : value.toFixed(3))
const text = (param) =>
  Object.entries(param)
    .map(([name, value]) => `${name} ${typeof value === 'number' ? sizeText(value) : value}`)
    .join(', ')

/** A number of bytes in the units of sizes; other numbers as they are. */
export function sizeText(bytes) {
  for (const [unit, size] of [
    ['GiB', 2 ** 30],
    ['MiB', 2 ** 20],
    ['KiB', 2 ** 10],
  ]) {
    if (bytes >= size && bytes % size === 0) return `${bytes / size} ${unit}`
  }
  return String(bytes)
}

/** The ratios that a question asks for: medians over medians, with the range that the samples give. */
export function ratiosOf({ ratios = [] }, rows) {
  return ratios.flatMap(({ name, of, to, atLeast, atMost, when = () => true, value = speedOf }) => {
    const params = [...new Set(rows.map(({ param }) => JSON.stringify(param)))].map((each) =>
      JSON.parse(each),
    )
    return params.filter(when).flatMap((param) => {
      const [a, b] = [of, to].map((contestant) =>
        rows.find(
          (row) => row.contestant === contestant && JSON.stringify(row.param) === JSON.stringify(param),
        ),
      )
      if (!(a?.samples.length > 0) || (to !== undefined && !(b?.samples.length > 0))) return []
      // Samples of one round were taken one right after the other.
      const rounds =
        to === undefined
          ? a.samples.map(value)
          : a.samples.map((sample, at) => value(sample) / value(b.samples[at]))
      return [
        {
          name: name ?? `${of} / ${to}`,
          param,
          atLeast,
          atMost,
          median: median(rounds.filter(Number.isFinite)),
          least: Math.min(...rounds),
          most: Math.max(...rounds),
        },
      ]
    })
  })
}

const speedOf = ({ bytes, seconds }) => bytes / seconds

/** A question with its answers, as Markdown. */
export function markdown(result) {
  const { question, rows, ratios, notes = [], unit } = result
  const lines = [`## ${question}`, '']
  const isCount = unit === 'per second'
  lines.push(
    isCount
      ? '| | | per second: median | least to most | CPU ms each | peak RSS MiB |'
      : '| | | GB/s: median | least to most | CPU s/GB | peak RSS MiB |',
    '| --- | --- | ---: | ---: | ---: | ---: |',
  )
  for (const { contestant, param, samples, failure } of rows) {
    if (failure !== undefined) {
      lines.push(
        `| ${contestant} | ${text(param)} | not measured: ${failure.split('\n')[0].slice(0, 120)} | | | |`,
      )
      continue
    }
    const { least, median: middle, most } = speeds(samples)
    const scale = isCount ? 1e9 : 1
    const show = isCount ? (value) => Math.round(value).toString() : gb
    const cpu =
      median(samples.map(({ cpuSeconds, bytes }) => cpuSeconds / (bytes / 1e9))) * (isCount ? 1e-6 : 1)
    const rss = Math.round(median(samples.map((sample) => sample.rss)) / 2 ** 20)
    lines.push(
      `| ${contestant} | ${text(param)} | ${show(middle * scale)} | ${show(least * scale)} to ${show(most * scale)} | ${cpu.toFixed(2)} | ${rss} |`,
    )
  }
  if (ratios.length > 0) {
    lines.push(
      '',
      '| ratio | | median | least to most | wanted | |',
      '| --- | --- | ---: | ---: | ---: | --- |',
    )
    for (const { name, param, median: middle, least, most, atLeast, atMost } of ratios) {
      const wanted = [atLeast === undefined ? [] : `≥ ${atLeast}`, atMost === undefined ? [] : `≤ ${atMost}`]
        .flat()
        .join(', ')
      const isReached =
        (atLeast === undefined || middle >= atLeast) && (atMost === undefined || middle <= atMost)
      const verdict = wanted === '' ? '' : isReached ? 'reached' : 'not reached'
      lines.push(
        `| ${name} | ${text(param)} | ${middle.toFixed(2)} | ${least.toFixed(2)} to ${most.toFixed(2)} | ${wanted} | ${verdict} |`,
      )
    }
  }
  for (const note of notes) lines.push('', note)
  return `${lines.join('\n')}\n`
}

const escaped = (value) => value.replace(/[&<>]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[c])

/** Bars of the medians with the range of their samples, as SVG. */
export function chart({ question, rows, unit = 'GB/s' }) {
  const measured = rows.filter(({ samples, failure }) => failure === undefined && samples.length > 0)
  const scale = unit === 'per second' ? 1e9 : 1
  const bars = measured.map(({ contestant, param, samples }) => ({
    label: `${contestant} (${text(param)})`,
    ...speeds(samples),
  }))
  const most = Math.max(...bars.map((bar) => bar.most))
  const [left, width, height] = [360, 420, 22]
  const x = (value) => left + (value / most) * width
  const body = bars.map(({ label, least, median: middle, most: top }, at) => {
    const y = 44 + at * height
    const value = unit === 'per second' ? Math.round(middle * scale) : gb(middle)
    return [
      `<text x="${left - 8}" y="${y + 11}" text-anchor="end">${escaped(label)}</text>`,
      `<rect x="${left}" y="${y}" width="${(x(middle) - left).toFixed(1)}" height="14" fill="${/sealstream/.test(label) ? '#2563eb' : '#94a3b8'}"/>`,
      `<line x1="${x(least).toFixed(1)}" x2="${x(top).toFixed(1)}" y1="${y + 7}" y2="${y + 7}" stroke="#0f172a"/>`,
      `<text x="${x(top).toFixed(1)}" dx="6" y="${y + 11}">${value}</text>`,
    ].join('')
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" width="860" height="${60 + bars.length * height}" font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/><text x="16" y="24" font-size="14">${escaped(question)} (${unit}: median, least to most)</text>${body.join('')}</svg>\n`
}
