//! A small file written out as an address, so that a page or a JSON document can carry it.

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// A PNG file as a `data:` address: RFC 2397, in the base 64 of RFC 4648.
pub fn png(file: &[u8]) -> String {
    let mut address = "data:image/png;base64,".to_string();
    for group in file.chunks(3) {
        let byte = |place: usize| u32::from(group.get(place).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            // A group of n bytes has n + 1 digits.
            address.push(match digit <= group.len() {
                true => char::from(DIGITS[(bits >> (18 - 6 * digit)) as usize & 63]),
                false => '=',
            });
        }
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Would be wrong: a picture that no browser can read. The examples are those of RFC 4648.
    #[test]
    fn bytes_are_written_in_base_64() {
        let base64 = |text: &str| png(text.as_bytes()).replace("data:image/png;base64,", "");
        assert_eq!(base64(""), "");
        assert_eq!(base64("f"), "Zg==");
        assert_eq!(base64("fo"), "Zm8=");
        assert_eq!(base64("foobar"), "Zm9vYmFy");
        assert_eq!(png(&[0xff; 3]), "data:image/png;base64,////");
    }
}
