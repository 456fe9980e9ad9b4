# SPDX-License-Identifier: Apache-2.0
# A directory.

r_ldap()
{
	net_up
	mkdir "$work/ldap"
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/key.pem" -out "$work/cert.pem" -days 3650 -subj /CN=ldap.example.test 2>/dev/null
	cat >"$work/slapd.conf" <<-END
		include /etc/ldap/schema/core.schema
		include /etc/ldap/schema/cosine.schema
		include /etc/ldap/schema/inetorgperson.schema
		modulepath /usr/lib/ldap
		moduleload back_mdb
		TLSCertificateFile $work/cert.pem
		TLSCertificateKeyFile $work/key.pem
		database mdb
		suffix "dc=example,dc=test"
		rootdn "cn=admin,dc=example,dc=test"
		rootpw secret
		directory $work/ldap
	END
	background in_s slapd -d 0 -f "$work/slapd.conf" -h ldap://10.2.0.2/
	wait_port "$S" 389
	record_start "$M" c0 'tcp port 389'
	admin='-x -H ldap://10.2.0.2 -D cn=admin,dc=example,dc=test -w secret'
	{
		printf 'dn: dc=example,dc=test\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: Example\n\n'
		for i in $(seq 20); do printf 'dn: uid=user%d,dc=example,dc=test\nobjectClass: inetOrgPerson\ncn: User %d\nsn: %d\n\n' $i $i $i; done
	} | in_c ldapadd $admin >/dev/null
	printf 'dn: uid=user1,dc=example,dc=test\nobjectClass: inetOrgPerson\ncn: x\nsn: x\n' | in_c ldapadd $admin >/dev/null 2>&1 || true
	find() { in_c ldapsearch -x -H ldap://10.2.0.2 "$@" >/dev/null 2>&1 || true; }
	find -b dc=example,dc=test '(&(objectClass=inetOrgPerson)(|(uid=user1*)(sn>=19)))'
	find -b dc=example,dc=test -s base
	find -b dc=nowhere,dc=test '(uid=user1)'
	find -b dc=example,dc=test -z 3 -s one
	find -D cn=admin,dc=example,dc=test -w wrong -b dc=example,dc=test
	LDAPTLS_REQCERT=never find -ZZ -b dc=example,dc=test
	printf 'dn: uid=user1,dc=example,dc=test\nchangetype: modify\nreplace: mail\nmail: user1@example.test\n' | in_c ldapmodify $admin >/dev/null
	in_c ldapcompare $admin uid=user1,dc=example,dc=test sn:1 >/dev/null || true
	in_c ldapmodrdn $admin uid=user1,dc=example,dc=test uid=renamed >/dev/null
	in_c ldapdelete $admin uid=user2,dc=example,dc=test >/dev/null
	in_c ldapwhoami $admin >/dev/null
	record_stop
	note "OpenLDAP's clients, $(version_of slapd): 21 entries added, one refused because it is there; searches (a filter of several, the base, one without its base, one cut at 3 entries); a wrong password; StartTLS; modify, compare, rename, delete, who am I."
}
