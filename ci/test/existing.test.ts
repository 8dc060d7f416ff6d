import { expect } from 'chai'
import { checkView } from '../e2e/existing.ts'

describe('checkView', () => {
  const clusters = [{ cluster: { server: 'https://203.0.113.1:6443' } }]
  const withUser = (user: Record<string, unknown>) => ({ clusters, users: [{ user }], 'current-context': 'here' })

  for (const [sentence, view, fault] of [
    ['takes a user with a token', withUser({ token: 'x' }), undefined],
    [
      'takes a user with a certificate',
      withUser({ 'client-certificate-data': 'x', 'client-key-data': 'y' }),
      undefined,
    ],
    ['refuses a user whose credentials a program gets, and says what to do', withUser({ exec: {} }), /service account/],
    ['refuses a file without a current context', { clusters: null, users: null }, /names no cluster/],
    ['refuses a context without a user', { clusters, users: [] }, /names no cluster/],
  ] as const) {
    it(sentence, () => {
      const found = checkView(view)
      if (fault === undefined) expect(found).to.equal(undefined)
      else expect(found).to.match(fault)
    })
  }
})
