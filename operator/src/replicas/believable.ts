// What of a report is believed: a server may have a wrong clock, and one that was taken over says anything.
import { isMessage } from '@bufbuild/protobuf'
import { TimestampSchema, timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt'

/** Characters of a text. Two of them fit into each field of a status. */
const longestText = 2000

/** Sets back times in the future, and cuts long texts: with either, the API server would refuse each later status of that client.
 *  @param report a message, or a part of one
 *  @param now epoch milliseconds */
export function clampReport(report: object, now: number): void {
  if (isMessage(report, TimestampSchema)) {
    const at = timestampMs(report)
    if (at < 0 || at > now) Object.assign(report, timestampFromMs(now))
    return
  }
  for (const [name, value] of Object.entries(report)) {
    if (typeof value === 'string' && value.length > longestText)
      Object.assign(report, { [name]: value.slice(0, longestText).toWellFormed() })
    else if (typeof value === 'object' && value !== null && !(value instanceof Uint8Array)) clampReport(value, now)
  }
}
