//! A table as Parquet: one typed, optional column a field, compressed by zstd.

use super::ExportError;
use super::kind::Kind;
use super::rows::Columns;
use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::Type;
use serde_json::Value;
use std::fs::File;
use std::io::{self, BufWriter};
use std::sync::Arc;

/// Rows of one group.
const ROWS: usize = 32 << 10;
/// Bytes of values after which a group ends before that.
const BYTES: usize = 8 << 20;

/// Writes rows. The types of the columns are those of the first group's values
/// unless they are given; a value that does not fit later is noted, and
/// everything is to be written again ([`Done::Again`]).
pub(super) struct Table {
    columns: Columns,
    kinds: Vec<Kind>,
    /// One list of values a column.
    group: Vec<Vec<Value>>,
    bytes: usize,
    /// Where it is written; taken when the first group is full.
    file: Option<BufWriter<File>>,
    out: Option<SerializedFileWriter<BufWriter<File>>>,
    misfit: bool,
}

/// How it ended.
pub(super) enum Done {
    /// All is written.
    Whole,
    /// The values need these types.
    Again(Vec<Kind>),
}

impl Table {
    /// An empty table in `file`; `kinds` are those of an earlier pass, or empty.
    pub(super) fn new(file: File, columns: Columns, mut kinds: Vec<Kind>) -> Self {
        let count = columns.names().len();
        kinds.resize(count, Kind::Nothing);
        for (column, kind) in kinds.iter_mut().enumerate() {
            if columns.is_time(column) {
                *kind = Kind::Time;
            }
        }
        Self {
            columns,
            kinds,
            group: vec![Vec::new(); count],
            bytes: 0,
            file: Some(BufWriter::with_capacity(super::sink::BUFFER, file)),
            out: None,
            misfit: false,
        }
    }

    /// Writes one row, of one value a column.
    pub(super) fn row(&mut self, cells: Vec<Value>) -> Result<(), ExportError> {
        let settled = self.out.is_some();
        for ((cell, kind), values) in cells.into_iter().zip(&mut self.kinds).zip(&mut self.group) {
            if !kind.takes(&cell) {
                *kind = kind.widened(&cell);
                self.misfit |= settled;
            }
            self.bytes += size(&cell);
            values.push(cell);
        }
        if self.bytes >= BYTES || self.group.first().is_some_and(|c| c.len() >= ROWS) {
            self.write_group()?;
        }
        Ok(())
    }

    /// Writes what is left and the end of the file.
    pub(super) fn finish(mut self) -> Result<Done, ExportError> {
        self.write_group()?;
        if self.misfit {
            return Ok(Done::Again(self.kinds));
        }
        if let Some(out) = self.out {
            let mut file = out.into_inner().map_err(written)?;
            io::Write::flush(&mut file)?;
        }
        Ok(Done::Whole)
    }

    fn write_group(&mut self) -> Result<(), ExportError> {
        self.bytes = 0;
        if self.misfit {
            // Only read on, to see all types.
            self.group.iter_mut().for_each(Vec::clear);
            return Ok(());
        }
        if let Some(file) = self.file.take() {
            // A column of numbers that are not all exact turns to text here.
            for (kind, values) in self.kinds.iter_mut().zip(&self.group) {
                *kind = values.iter().fold(*kind, Kind::widened);
            }
            let schema = schema(&self.columns, &self.kinds)?;
            let properties = WriterProperties::builder()
                .set_compression(Compression::ZSTD(ZstdLevel::default()))
                .set_created_by(concat!("crawldeck ", env!("CARGO_PKG_VERSION")).to_owned())
                .build();
            let out = SerializedFileWriter::new(file, schema, Arc::new(properties));
            self.out = Some(out.map_err(written)?);
        }
        let Some(out) = &mut self.out else {
            return Ok(());
        };
        if self.group.first().is_none_or(Vec::is_empty) {
            return Ok(());
        }
        let mut group = out.next_row_group().map_err(written)?;
        for (values, kind) in self.group.iter_mut().zip(&self.kinds) {
            // There is one for each column of the schema.
            if let Some(mut column) = group.next_column().map_err(written)? {
                write_column(&mut column, *kind, values).map_err(written)?;
                column.close().map_err(written)?;
            }
            values.clear();
        }
        group.close().map_err(written)?;
        Ok(())
    }
}

fn write_column(
    column: &mut SerializedColumnWriter<'_>,
    kind: Kind,
    values: &mut [Value],
) -> Result<usize, ParquetError> {
    let present: Vec<i16> = values.iter().map(|v| i16::from(!v.is_null())).collect();
    let present = Some(&present[..]);
    match kind {
        Kind::Bool => {
            let values: Vec<bool> = values.iter().filter_map(Value::as_bool).collect();
            column
                .typed::<BoolType>()
                .write_batch(&values, present, None)
        }
        Kind::Int | Kind::Time => {
            let values: Vec<i64> = values.iter().filter_map(Value::as_i64).collect();
            column
                .typed::<Int64Type>()
                .write_batch(&values, present, None)
        }
        Kind::Float => {
            let values: Vec<f64> = values.iter().filter_map(Value::as_f64).collect();
            column
                .typed::<DoubleType>()
                .write_batch(&values, present, None)
        }
        Kind::Nothing | Kind::Text | Kind::Json => {
            let texts = values.iter_mut().filter(|value| !value.is_null());
            let texts: Vec<ByteArray> = texts.map(|v| text(v.take()).into()).collect();
            let column = column.typed::<ByteArrayType>();
            column.write_batch(&texts, present, None)
        }
    }
}

fn text(value: Value) -> Vec<u8> {
    match value {
        Value::String(text) => text.into_bytes(),
        other => other.to_string().into_bytes(),
    }
}

fn schema(columns: &Columns, kinds: &[Kind]) -> Result<Arc<Type>, ExportError> {
    let fields = columns.names().iter().zip(kinds).map(|(name, kind)| {
        let (physical, logical) = match kind {
            Kind::Bool => (Physical::BOOLEAN, None),
            Kind::Int => (Physical::INT64, None),
            Kind::Float => (Physical::DOUBLE, None),
            Kind::Time => {
                let unit = TimeUnit::MILLIS;
                let logical = LogicalType::timestamp(true, unit);
                (Physical::INT64, Some(logical))
            }
            Kind::Nothing | Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Kind::Json => (Physical::BYTE_ARRAY, Some(LogicalType::Json)),
        };
        let field = Type::primitive_type_builder(name, physical)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(logical)
            .build();
        field.map(Arc::new)
    });
    let fields: Result<Vec<_>, _> = fields.collect();
    let fields = fields.map_err(written)?;
    let group = Type::group_type_builder("row").with_fields(fields).build();
    Ok(Arc::new(group.map_err(written)?))
}

fn written(error: ParquetError) -> ExportError {
    ExportError::Write(match error {
        ParquetError::External(source) => match source.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(other) => io::Error::other(other),
        },
        other => io::Error::other(other),
    })
}

/// About how many bytes a value takes.
fn size(value: &Value) -> usize {
    size_of::<Value>()
        + match value {
            Value::String(text) => text.len(),
            Value::Array(values) => values.iter().map(size).sum(),
            Value::Object(map) => map.iter().map(|(k, v)| k.len() + size(v)).sum(),
            _ => 0,
        }
}
