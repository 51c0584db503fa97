export { type PostgresServer, type PostgresServerOptions, startPostgres, whyNoPostgres } from './postgres-server.js'
export { usePostgres } from './use-postgres.js'
