/** Milliseconds for which this thread computes without a turn of its loop, in all but a hundredth of the turns: processor time, so that it
 *  does not matter what else the machine does. */
export function measureOwnWork(): { stop(): number } {
  const turns: number[] = []
  let used = process.threadCpuUsage()
  const timer = setInterval(() => {
    const { user, system } = process.threadCpuUsage(used)
    used = process.threadCpuUsage()
    turns.push((user + system) / 1000)
  }, 5)
  timer.unref()
  return {
    stop() {
      clearInterval(timer)
      return turns.toSorted((one, other) => one - other)[Math.floor(turns.length * 0.99)]!
    },
  }
}
