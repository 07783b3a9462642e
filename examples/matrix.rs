//! Dense matrices of `f64`, row by row.

use std::ops::{Add, Mul};

#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    rows: usize,
    columns: usize,
    data: Vec<f64>,
}

impl Matrix {
    /// A matrix of zeros.
    pub fn zeros(rows: usize, columns: usize) -> Self {
        Matrix { rows, columns, data: vec![0.0; rows * columns] }
    }

    /// The matrix that changes nothing.
    pub fn identity(size: usize) -> Self {
        let mut matrix = Matrix::zeros(size, size);
        for index in 0..size {
            matrix.set(index, index, 1.0);
        }
        matrix
    }

    pub fn get(&self, row: usize, column: usize) -> f64 {
        self.data[row * self.columns + column]
    }

    pub fn set(&mut self, row: usize, column: usize, value: f64) {
        self.data[row * self.columns + column] = value;
    }

    pub fn transposed(&self) -> Self {
        let mut result = Matrix::zeros(self.columns, self.rows);
        for row in 0..self.rows {
            for column in 0..self.columns {
                result.set(column, row, self.get(row, column));
            }
        }
        result
    }
}

impl Add for &Matrix {
    type Output = Matrix;

    fn add(self, other: &Matrix) -> Matrix {
        assert_eq!((self.rows, self.columns), (other.rows, other.columns), "shapes differ");
        let mut result = Matrix::zeros(self.rows, self.columns);
        for row in 0..self.rows {
            for column in 0..self.columns {
                result.set(row, column, self.get(row, column) + other.get(row, column));
            }
        }
        result
    }
}

impl Mul for &Matrix {
    type Output = Matrix;

    fn mul(self, other: &Matrix) -> Matrix {
        assert_eq!(self.columns, other.rows, "shapes do not fit");
        let mut result = Matrix::zeros(self.rows, other.columns);
        for row in 0..self.rows {
            for column in 0..other.columns {
                let sum = (0..self.columns).map(|k| self.get(row, k) * other.get(k, column)).sum();
                result.set(row, column, sum);
            }
        }
        result
    }
}
