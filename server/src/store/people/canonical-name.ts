/** The one spelling under which a name is stored, looked up and counted: NFKC, lower case, no outer or repeated spaces, no
 *  character that PostgreSQL cannot hold. Idempotent. */
export function canonicalName(name: string): string {
  const folded = name.toWellFormed().normalize('NFKC').toLowerCase().normalize('NFKC')
  return folded.replaceAll('\u0000', '').replace(/\s+/g, ' ').trim()
}
