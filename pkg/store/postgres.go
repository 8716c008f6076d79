package store

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
)

// How many connections a process uses unless told otherwise. PostgreSQL takes 100 in all as it comes, which is
// enough for several replicas of this.
const defaultConnections = 16

// oldestPostgres is the first version that tells transactions apart for good (xid8).
const oldestPostgres = 13_00_00

func openPostgres(ctx context.Context, dsn string) (*Store, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, err // it names the part that is wrong, without passwords
	}
	connections := defaultConnections
	if setting, ok := config.RuntimeParams["pool_max_conns"]; ok {
		delete(config.RuntimeParams, "pool_max_conns") // the server does not know it
		connections, err = strconv.Atoi(setting)
		if err != nil || connections < 2 {
			return nil, fmt.Errorf("pool_max_conns=%s: expected a number of connections, at least 2", setting)
		}
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = 5 * time.Second
	}
	defaults := map[string]string{
		"application_name": "cxmirror",
		"timezone":         "UTC",
		// A process that hangs in the middle of a transaction must not hold up the others for good.
		"idle_in_transaction_session_timeout": "60s",
	}
	for name, value := range defaults {
		if _, ok := config.RuntimeParams[name]; !ok {
			config.RuntimeParams[name] = value
		}
	}
	pool := stdlib.OpenDB(*config)
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	pool.SetConnMaxLifetime(time.Hour) // so that connections find their way to a server that took over

	gormSettings := settings()
	gormSettings.SkipDefaultTransaction = true
	db, err := gorm.Open(postgres.New(postgres.Config{Conn: pool}), gormSettings)
	if err == nil {
		var version int
		err = db.WithContext(ctx).Raw("SELECT current_setting('server_version_num')::int").Scan(&version).Error
		if err == nil && version < oldestPostgres {
			err = fmt.Errorf("PostgreSQL %d is too old: version %d or newer is needed", version/10000, oldestPostgres/10000)
		}
	}
	if err != nil {
		_ = pool.Close()
		return nil, err
	}
	return &Store{engine: postgresEngine, write: db, read: db, lookups: &lookups{pool: pool}}, nil
}
