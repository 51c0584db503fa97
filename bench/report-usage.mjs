// Preloaded into each measured process: writes what it used, as the operating system counts it, when it exits.
import fs from 'node:fs'

process.once('exit', () => {
  const { user, system } = process.cpuUsage()
  const { maxRSS } = process.resourceUsage()
  fs.writeFileSync(
    process.env.BENCH_USAGE_FILE,
    JSON.stringify({ cpuUs: user + system, rssMaxBytes: maxRSS * 1024, rssBytes: process.memoryUsage.rss() }),
  )
})
