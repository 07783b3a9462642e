// Package queue holds jobs until a worker takes them.
package queue

import (
	"errors"
	"sync"
)

// ErrEmpty is returned when there is no job to take.
var ErrEmpty = errors.New("queue: empty")

// ErrClosed is returned once the queue was closed.
var ErrClosed = errors.New("queue: closed")

// Queue is a first-in, first-out queue that is safe for many goroutines.
type Queue[T any] struct {
	mutex  sync.Mutex
	jobs   []T
	closed bool
}

// Push puts a job at the end.
func (q *Queue[T]) Push(job T) error {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	if q.closed {
		return ErrClosed
	}
	q.jobs = append(q.jobs, job)
	return nil
}

// Pop takes the job that waited longest.
func (q *Queue[T]) Pop() (T, error) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	var none T
	if q.closed {
		return none, ErrClosed
	}
	if len(q.jobs) == 0 {
		return none, ErrEmpty
	}
	job := q.jobs[0]
	q.jobs = q.jobs[1:]
	return job, nil
}

// Len tells how many jobs wait.
func (q *Queue[T]) Len() int {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	return len(q.jobs)
}

// Close lets every later call fail.
func (q *Queue[T]) Close() {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	q.closed = true
}
