/** Names in examples/clients, and the person who signs in. */
export const demo = { namespace: 'demo', web: 'demo-web', machine: 'demo-machine', person: 'ada' }
