//! Synthetic v1 traces (Go 1.21), built record by record.

/// The types of records (Go `src/internal/trace/tracev1/parser.go`).
pub const BATCH: u8 = 1;
pub const FREQUENCY: u8 = 2;
pub const STACK: u8 = 3;
pub const GOMAXPROCS: u8 = 4;
pub const PROC_START: u8 = 5;
pub const GO_CREATE: u8 = 13;
pub const GO_START: u8 = 14;
pub const GO_END: u8 = 15;
pub const GO_SCHED: u8 = 17;
pub const GO_SYS_CALL: u8 = 28;
pub const STRING: u8 = 37;
pub const TASK_CREATE: u8 = 45;
pub const REGION: u8 = 47;

pub struct V1Trace(Vec<u8>);

impl Default for V1Trace {
    fn default() -> Self {
        Self::new()
    }
}

impl V1Trace {
    pub fn new() -> Self {
        V1Trace(b"go 1.21 trace\0\0\0".to_vec())
    }

    pub fn record(mut self, code: u8, values: &[u64]) -> Self {
        let mut body = Vec::new();
        values.iter().for_each(|&value| write_uvarint(&mut body, value));
        self.0.push(code | (values.len().clamp(1, 4) as u8 - 1) << 6);
        if values.len() > 3 {
            write_uvarint(&mut self.0, body.len() as u64);
        }
        self.0.extend(body);
        self
    }

    pub fn string(mut self, id: u64, text: &[u8]) -> Self {
        self.0.push(STRING);
        write_uvarint(&mut self.0, id);
        write_uvarint(&mut self.0, text.len() as u64);
        self.0.extend(text);
        self
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

fn write_uvarint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
