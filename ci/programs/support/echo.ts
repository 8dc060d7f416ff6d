import { createServer } from 'node:http'
import { freePort } from '@nauthera/local/processes/ports'

/** An application that says which headers it gets. @returns its address */
export async function startEcho(): Promise<string> {
  const port = await freePort()
  const application = createServer((request, response) => response.end(JSON.stringify(request.headers)))
  application.listen(port, '127.0.0.1').unref()
  return `http://127.0.0.1:${port}`
}
