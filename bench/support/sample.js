// One sample of one contestant, in this process: warms up, runs, and tells what it took.
//
//   node --expose-gc sample.js FILE CONTESTANT PARAM FOLDER
const [file, name, param, folder] = process.argv.slice(2)
const { contestants } = await import(file)
const contestant = await contestants[name].prepare({ ...JSON.parse(param), folder })
const { warmUps = 1 } = contestants[name]
for (let at = 0; at < warmUps; at++) await contestant.run()
globalThis.gc?.()
const cpuBefore = process.cpuUsage()
const started = performance.now()
const more = (await contestant.run()) ?? {}
const seconds = (performance.now() - started) / 1000
const { user, system } = process.cpuUsage(cpuBefore)
process.send(
  {
    seconds,
    cpuSeconds: (user + system) / 1e6,
    rss: process.resourceUsage().maxRSS * 1024,
    bytes: contestant.bytes,
    ...more,
  },
  async () => {
    await contestant.close?.()
    process.exit()
  },
)
