alter table city add population int;
