// Times as Kubernetes writes them: RFC 3339 without fractions.

/** @param time epoch milliseconds */
export const timeText = (time: number): string => new Date(time).toISOString().replace(/\.\d{3}Z$/, 'Z')

/** @returns epoch milliseconds */
export const timeOf = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : Date.parse(text)
