// Which lines of the processes a person watches while everything runs: a change on its way. All others are in the log files.

/** What an agent says of one change, in this order; of the further replicas only that it is live there. */
const ofTheFirst = /^INF (snapshot|diff|push|live)\b/
const ofOthers = /^INF live\b/
const ofTheOperator = /^INF secret (created|published|retired|restored|revoked)\b/

/** @param process as it is named on the screen: operator, server-0, agent-0...
 *  @param line as the process wrote it */
export function isWatched(process: string, line: string): boolean {
  // the lines of PostgreSQL have levels of their own
  if (process === 'postgres') return false
  if (!/^(INF|DBG|TRC) /.test(line)) return line.trim() !== ''
  if (process === 'operator') return ofTheOperator.test(line)
  if (process === 'agent' || process === 'agent-0') return ofTheFirst.test(line)
  return process.startsWith('agent-') && ofOthers.test(line)
}
