import { request } from 'node:http'

/** @returns whether the management port of a process answers the path with 200 */
export const answersOk = async (port: number, path: string): Promise<boolean> =>
  (await fetchManagement(port, path)).status === 200

/** Asks a management port.
 *  @returns status 0 when nobody answers */
export function fetchManagement(port: number, path: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve) => {
    const failed = () => resolve({ status: 0, body: 'no answer' })
    const call = request({ host: '127.0.0.1', port, path, timeout: 1_000 }, (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => (body += chunk))
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body }))
      response.once('error', failed)
    })
    call.once('error', failed)
    call.once('timeout', () => call.destroy())
    call.end()
  })
}
