import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { expect } from 'chai'
import { readAnswer } from '../../src/kubernetes/answer.ts'

describe(readAnswer.name, () => {
  const call = { method: 'GET', path: '/api' } as const
  const failure = (response: IncomingMessage) =>
    readAnswer(response, call).then(
      () => undefined,
      (error: Error) => error.message,
    )

  it('fails when the answer is cut before its end', async () => {
    const response = new IncomingMessage(new Socket())
    response.statusCode = 200
    const failed = failure(response)
    response.push('{"kind":')
    response.destroy()
    expect(await failed).to.equal('the answer was cut')
  })

  it('fails at once when the answer was cut before anybody reads it', async () => {
    const response = new IncomingMessage(new Socket())
    response.statusCode = 200
    response.destroy()
    await new Promise(setImmediate)
    expect(await failure(response)).to.equal('the answer was cut')
  })
})
