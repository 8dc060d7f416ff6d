import { expect } from 'chai'
import { keepToJson } from '../../../src/http/protocol/keep-to-json.ts'

describe('keepToJson', () => {
  const rules: [sentence: string, url: string, basePath: string, accept: string, left: string][] = [
    ['removes what asks for a page', '/token', '', 'text/html, image/gif, */*; q=.2', ' image/gif, */*; q=.2'],
    ['keeps other types', '/introspect', '', 'application/jwt', 'application/jwt'],
    ['accepts anything when nothing is left', '/userinfo?x=1', '', 'text/html;q=0.9, text/*', '*/*'],
    ['knows the paths below an issuer with a path', '/auth/realm/token', '/auth/realm', 'text/html', '*/*'],
    ['does not touch the same path of another issuer', '/token', '/auth/realm', 'text/html', 'text/html'],
    ['leaves pages', '/authorize', '', 'text/html', 'text/html'],
  ]
  for (const [sentence, url, basePath, accept, left] of rules) {
    it(sentence, () => {
      const request = { url, headers: { accept } }
      keepToJson(request as Parameters<typeof keepToJson>[0], basePath)
      expect(request.headers.accept).to.equal(left)
    })
  }
})
