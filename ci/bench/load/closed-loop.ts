import { Agent, request } from 'node:http'

/** Sends `count` requests, `width` at a time, over kept-alive connections.
 *  @returns milliseconds of each request; throws on the first answer that is not 200 */
export async function closedLoop(options: {
  count: number
  width: number
  port: number
  path: string
  host: string
  form?: string
  authorization?: string
}): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: options.width })
  const times: number[] = []
  let left = options.count
  const once = () =>
    new Promise<void>((resolve, reject) => {
      const startedAt = performance.now()
      const outgoing = request(
        {
          agent,
          host: '127.0.0.1',
          port: options.port,
          path: options.path,
          method: options.form === undefined ? 'GET' : 'POST',
          timeout: 10_000,
          headers: {
            host: options.host,
            ...(options.authorization ? { authorization: options.authorization } : {}),
            ...(options.form === undefined
              ? {}
              : {
                  'content-type': 'application/x-www-form-urlencoded',
                  'content-length': Buffer.byteLength(options.form),
                }),
          },
        },
        (incoming) => {
          incoming.resume()
          incoming.once('end', () => {
            times.push(performance.now() - startedAt)
            if (incoming.statusCode === 200) resolve()
            else reject(new Error(`${options.path}: ${incoming.statusCode}`))
          })
        },
      )
      outgoing.once('timeout', () => outgoing.destroy(new Error(`${options.path}: no answer in 10 s`)))
      outgoing.once('error', reject)
      outgoing.end(options.form)
    })
  const worker = async () => {
    while (left-- > 0) await once()
  }
  try {
    await Promise.all(Array.from({ length: options.width }, worker))
  } finally {
    agent.destroy()
  }
  return times
}
