// Loaded into a server before it starts (node --import): SIGUSR2 begins a CPU profile, and the next one writes it.
import { writeFileSync } from 'node:fs'
import { Session } from 'node:inspector/promises'

const session = new Session()
session.connect()
let running = false

async function toggle(): Promise<void> {
  if (running) {
    const { profile } = await session.post('Profiler.stop')
    writeFileSync(process.env['BENCH_PROFILE']!, JSON.stringify(profile))
  } else {
    await session.post('Profiler.enable')
    await session.post('Profiler.setSamplingInterval', { interval: 200 })
    await session.post('Profiler.start')
  }
  running = !running
  process.stdout.write(`profile ${running ? 'begun' : 'written'}\n`)
}

process.on('SIGUSR2', () => void toggle())
